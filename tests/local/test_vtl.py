"""Mapping templates on messages that people really write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.emulator import vtl

TEMPLATE = (
    '{"input": "{\\"body\\": $util.escapeJavaScript($input.body).replaceAll("\\\\\'", "\'"), '
    '\\"sub\\": \\"$context.authorizer.claims.sub\\"}"}'
)
CONTEXT = {"authorizer": {"claims": {"sub": "user-1", "cognito:groups": "[admin]"}}, "requestId": "r-1"}
HINDI = "मुझे बहुत अकेला महसूस होता है। "


def through(message: str) -> str:
    """Send a message through the request template and parse it twice, as the gateway and the machine do."""
    request = vtl.Request(body=json.dumps({"message": message}, ensure_ascii=False), context=CONTEXT)
    inner = json.loads(json.loads(vtl.render(TEMPLATE, request).body)["input"])
    assert inner["sub"] == "user-1"
    return str(inner["body"]["message"])


@pytest.mark.parametrize(
    "message",
    [
        "it's all too much, isn't it?",
        'he said "go away"',
        "one\ntwo\r\n\tthree\x00\x1f\x7f",
        "C:\\temp \\n \\' \\\\' \\u0041 /path/ </script>",
        "🙂 👩‍👩‍👧 𝒳 \u2028\u2029",
        "#if($x) #set($input.body = 1) #end ## $context.requestId ${util} $!{x} #* *# $1 \\$x \\#if",
        (HINDI * 200)[:4000],
        "'" * 4000,
    ],
)
def test_a_message_comes_through_unchanged(message: str) -> None:
    """The person's words reach the crisis screen exactly as written."""
    assert through(message) == message


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_comes_through_unchanged(message: str) -> None:
    """No character sequence is special."""
    assert through(message) == message


def test_escape_javascript_is_commons_langs() -> None:
    """Slashes and apostrophes are escaped, too: the template has to undo the latter."""
    assert vtl.escape_javascript("a'b\"c/d\\e\n\x01é🙂\x7f") == (
        "a\\'b\\\"c\\/d\\\\e\\n\\u0001\\u00E9\\uD83D\\uDE42\x7f"
    )
    assert vtl.escape_javascript(None) is None


def test_without_undoing_the_apostrophe_the_payload_is_no_json() -> None:
    """The trap that the replaceAll in the template avoids must exist here, too."""
    template = '{"input": "$util.escapeJavaScript($input.body)"}'
    body = vtl.render(template, vtl.Request(body="it's")).body

    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_the_response_can_choose_status_and_headers() -> None:
    """Header names with hyphens, as Retry-After and Content-Type have."""
    rendered = vtl.render(
        "#set($context.responseOverride.status = 429)"
        "#set($context.responseOverride.header.Retry-After = 60)"
        '#set($context.responseOverride.header.Content-Type = "application/problem+json")'
        "$input.json('$.a') $context.requestId",
        vtl.Request(body='{"a": [1, "x"]}', context=CONTEXT),
    )

    assert rendered == vtl.Rendered(
        '[1,"x"] r-1', 429, {"Retry-After": "60", "Content-Type": "application/problem+json"}
    )


def test_parsed_objects_do_not_print_as_json() -> None:
    """On AWS they print Java style: a reply must be passed as text."""
    template = "#set($o = $util.parseJson($input.path('$.output')))$o|$o.body|$o.list.size()"
    output = json.dumps({"body": '{"x": "y"}', "list": [1, 2]})

    rendered = vtl.render(template, vtl.Request(body=json.dumps({"output": output})))

    assert rendered.body == '{body={"x": "y"}, list=[1, 2]}|{"x": "y"}|2'


def test_what_the_context_lacks_prints_nothing() -> None:
    """A method without an authorizer has no claims, at any depth."""
    template = "[$context.authorizer.claims.email][$context.nope.deep][$stageVariables.x][$input.path('$.x')]"

    assert vtl.render(template, vtl.Request(body="", context=CONTEXT)).body == "[][][][]"


def test_claims_with_a_colon_and_parameters_are_read() -> None:
    """Groups are in cognito:groups; headers match in any case; path wins over query over header."""
    request = vtl.Request(
        body="",
        path={"id": "p"},
        query={"id": "q", "Accept": "query"},
        headers={"idempotency-key": "k", "accept": "header"},
        context=CONTEXT,
    )
    template = (
        "$context.authorizer.claims['cognito:groups'] $input.params('id') $input.params('Accept') "
        "$input.params('Idempotency-Key') [$input.params('none')] $input.params().path.id"
    )

    assert vtl.render(template, request).body == "[admin] p query k [] p"


@pytest.mark.parametrize(
    "template",
    [
        "$util.parseJson('secret words')",
        "$input.path('$.a[?(@.b)]')",
        "$input.json('$.x')",
        "#set($context.responseOverride.status = 'many')",
        "#set($context.requestOverride.path.x = 'y')",
    ],
)
def test_what_the_gateway_cannot_do_is_an_error_without_values(template: str) -> None:
    """The launcher logs the message: it must not hold what somebody wrote."""
    with pytest.raises(vtl.TemplateError) as raised:
        vtl.render(template, vtl.Request(body="secret words of a person"))
    assert "of a person" not in str(raised.value)
