"""Execution parameters: the values for a statement's question marks.

Athena puts each as it is, text of a literal with its quotes, in the place of one question mark:
https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot.tokenizer_core import TokenType

from local.athena.errors import StatementError
from local.athena.transpile import trino_tokens


def with_parameters(sql: str, parameters: Sequence[str]) -> str:
    """The statement with a parameter in the place of each question mark outside of quotes and comments.

    Raises:
        StatementError: their numbers differ, or a parameter is not one literal.
    """
    marks = [token for token in trino_tokens(sql) if token.token_type == TokenType.PLACEHOLDER]
    if len(marks) != len(parameters):
        raise StatementError(
            "SYNTAX_ERROR",
            f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}",
        )
    for mark, parameter in reversed(list(zip(marks, parameters, strict=True))):
        sql = sql[: mark.start] + _literal(parameter) + sql[mark.end + 1 :]
    return sql


def _literal(text: str) -> str:
    tokens = [token.token_type for token in trino_tokens(text)]
    if tokens and tokens[0] == TokenType.DASH:
        tokens = tokens[1:]
    allowed = {TokenType.STRING, TokenType.NUMBER, TokenType.TRUE, TokenType.FALSE, TokenType.NULL}
    typed = (
        len(tokens) == 2
        and tokens[0] in {TokenType.DATE, TokenType.TIMESTAMP}
        and tokens[1] == TokenType.STRING
    )
    if not typed and (len(tokens) != 1 or tokens[0] not in allowed):
        raise StatementError("SYNTAX_ERROR", "An execution parameter is not a literal")
    return text
