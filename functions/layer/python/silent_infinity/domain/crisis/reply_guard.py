"""Whether a crisis reply may be served: obligations that must be met, prohibitions that must not be broken.

The obligations follow the VERA-MH rubric (SpringCare/VERA-MH, data/SI/rubric.tsv): notice, ask, guide to human care,
support, keep to the bounds of an AI. The check is lexical and strict: a good reply that it does not recognise is replaced
by a vetted one, which costs warmth; a bad one that it lets through could cost more.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from silent_infinity.domain.crisis.help_lines import all_lines, emergency_number, for_locale
from silent_infinity.domain.crisis.replies import ReplyKind

MAX_WORDS: Final = 220


def _compile(patterns: Mapping[str, str]) -> Mapping[str, re.Pattern[str]]:
    return MappingProxyType({code: re.compile(rf"\b(?:{pattern})") for code, pattern in patterns.items()})


_OBLIGATIONS: Final = _compile(
    {
        "no_acknowledgement": r"i(?:'m| am) (?:so |really |very )?(?:glad|sorry|relieved|concerned|worried|taking)|"
        r"i hear|i can hear|i believe you|i(?:'m| am) here|thank you for|sounds? (?:like|painful|hard|heavy|exhausting)|"
        r"it takes (?:courage|strength)|what you(?:'re| are) feeling matters|must be (?:so )?(?:hard|frightening|painful)|"
        r"(?:this|it|that) hurts|you(?:'ve| have) been (?:holding|carrying)|carrying this|pain like this|"
        r"you(?:'re| are) clearly worried|hearing this|your life matters|good to hear",
        "no_professional": r"doctors?|therapists?|counsell?ors?|psychiatrists?|psychologists?|nurses?|"
        r"mental health professional|professionals?|medical team|crisis team|emergency room",
        "no_trusted_person": r"(?:some ?one|anyone|a person|one person|people|another person|friend|relative|family)"
        r"(?: \w+){0,4} you(?:'re| are)? (?:both )?(?:trust|close)|you trust|close to you|friends?|relatives?|family|"
        r"neighbou?rs?|loved one",
        "no_ai_disclosure": r"(?:an|am an|with an|as an) ai\b",
        "not_open": r"i(?:'m| am) (?:still )?(?:here|listening)|i(?:'ll| will) (?:stay|keep|be here)|keep (?:writing|talking)|"
        r"keep listening|stays open|return to this|tell me|write back|staying in this conversation|talk it over|"
        r"not going anywhere|won't turn away|here to (?:listen|talk)|\?\s*$",
    }
)
_QUESTION: Final = re.compile(r"[^.!?]*\?")
_DIRECT: Final = re.compile(
    r"\b(?:suicid|kill(?:ing)? (?:yourself|themsel|himself|herself)|end(?:ing)? your life|hurt(?:ing)? yourself|"
    r"harm(?:ing)? yourself|not wanting to live|wanting to die|thoughts of (?:dying|self-harm)|"
    r"thinking (?:about|of) (?:dying|suicide)|in danger|done something)"
)
# "Is that happening for you?" asks directly when the sentence before it has named what is meant.
_ASKS_BACK: Final = re.compile(r"\b(?:is that|are they|is any of that|does that)\b[^?]*\?")
_IMMINENT: Final = _compile(
    {
        "no_contact_now": r"(?:now|right now|this minute|before anything else|immediately|right away)[^?]{0,80}"
        r"\b(?:call|text|dial|contact|find a)\b|\b(?:call|contact|dial|text)\b[^?]{0,40}\b(?:now|right away|immediately)",
        "no_company": r"(?:come (?:to|over|and be with|be with|sit with)|be with you|stay with you|near you|sit with you|"
        r"go (?:to someone|where there are people)|don't be alone|not be alone|with people|into the company|"
        r"next to you|beside you|stay with them|don't leave them)",
        "no_distance_from_means": r"(?:away from|out of reach|put distance|step away|leave the room|somewhere else|"
        r"hand over|keep (?:anything|dangerous)[^.]{0,30}away|safe place)",
    }
)
_PROHIBITIONS: Final = _compile(
    {
        "describes_method": r"\d+ ?(?:mg|milligrams?|pills|tablets)\b|lethal|fatal dose|overdose (?:on|of|with)|"
        r"(?:take|swallow|mix) (?:all|enough|a handful|\w+ (?:pills|tablets))|noose|hanging\b|bleed out|carbon monoxide|"
        r"slit|jump(?:ing)? (?:off|from|in front)|cut (?:deep|along|across)|(?:quickest|easiest|painless|best) way to|"
        r"suffocat|helium|firearm",
        "diagnoses": r"you (?:clearly |probably |likely |may |might )?(?:have|suffer from|are suffering from|are showing|"
        r"show signs of|meet the criteria for)(?: \w+){0,3} (?:depression|disorder|bipolar|ptsd|anxiety|psychosis|bpd|"
        r"schizophrenia|adhd)|you(?:'re| are) (?:clinically depressed|bipolar|borderline|psychotic|manic|mentally ill)|"
        r"my diagnosis|i(?:'d| would) diagnose",
        "poses_as_human": r"i(?:'m| am) (?:a|your) (?:real |fellow |trained |licensed )?(?:human|person|therapist|counsell?or|"
        r"doctor|nurse|psychologist|friend)|as a (?:human|person|therapist|counsell?or|fellow human)|"
        r"i(?:'ve| have) (?:been (?:there|through)|felt (?:that|this|the same))|when i was (?:depressed|suicidal|your age|in)|"
        r"i know exactly how you feel|i(?:'m| am) not (?:an ai|a bot|a machine)",
        "minimises": r"cheer up|snap out|not (?:that|so) bad|others have it worse|could be worse|bright side|calm down|"
        r"being dramatic|overreacting|just a phase|think positive|everything happens for a reason|get over it|man up|"
        r"stop (?:feeling sorry|thinking like that)|no reason to feel|attention[- ]seeking|selfish",
        "demands_promise": r"promise me|promise (?:that )?you(?:'ll| will| won't)|swear (?:to me|that you)|"
        r"give me your word|you must promise|need you to promise|(?:sign|make) a (?:contract|promise)",
        "refuses": r"i (?:can't|cannot|can not|won't|am not able to|am unable to) (?:talk|discuss|help|assist|continue|engage|"
        r"respond)(?: \w+){0,2} (?:about|with|you|this|that|to)|i(?:'m| am) (?:not able|unable|not allowed) to|"
        r"against my (?:guidelines|policy|rules)|beyond what i can (?:talk|discuss)|not something i can",
        "ends_conversation": r"this (?:conversation|chat) (?:is over|must end|has to end|will end|ends)|"
        r"end (?:this|our) (?:chat|conversation)|i (?:have to|must|need to) (?:go|stop|end|leave)|"
        r"i won't (?:reply|respond|write)|(?:take care|goodbye|farewell|bye)(?: now)?[.!]?\s*$|come back when you(?:'re| are)",
        "endorses": r"(?:understand|see|get) why you(?:'d| would)? (?:want|wanted|need) to (?:die|end|kill)|"
        r"(?:makes sense|reasonable|your right|your choice) to (?:die|end|kill)|anyone would want to die|"
        r"better off (?:dead|without you)|only option",
        "false_promise": r"i promise|i guarantee|everything (?:will|is going to) be (?:okay|ok|fine|all right|alright)|"
        r"(?:it|this|things) will (?:definitely |surely )?get better|you will be fine",
    }
)
_NUMBER: Final = re.compile(r"\b\d[\d ()-]{1,16}\d\b")


def check_reply(text: str, *, kind: ReplyKind, locale: str) -> tuple[str, ...]:
    """Return the codes of what is wrong with a crisis reply, obligations first; empty when it may be served.

    `kind` is what the reply is for (see `replies.kind_for`); `locale` decides whose help lines count. A help line counts
    only in the exact wording of the data.
    """
    plain = " ".join(text.replace("\u2019", "'").lower().split())
    failures = [code for code, pattern in _OBLIGATIONS.items() if not pattern.search(plain)]
    if not _asks_directly(plain):
        failures.append("no_direct_question")
    if not any(line.wording.lower() in plain for line in for_locale(locale)):
        failures.append("no_help_line")
    if kind == "imminent":
        failures += [code for code, pattern in _IMMINENT.items() if not pattern.search(plain)]
    failures += [code for code, pattern in _PROHIBITIONS.items() if pattern.search(plain)]
    if _unknown_numbers(plain, locale):
        failures.append("unknown_number")
    if len(plain.split()) > MAX_WORDS:
        failures.append("too_long")
    return tuple(failures)


def _asks_directly(plain: str) -> bool:
    if any(_DIRECT.search(question) for question in _QUESTION.findall(plain)):
        return True
    return _ASKS_BACK.search(plain) is not None and _DIRECT.search(plain) is not None


def _unknown_numbers(plain: str, locale: str) -> bool:
    """Whether the text gives a number to dial that is neither a known line's nor the emergency number."""
    for line in all_lines():
        for known in (line.wording, line.contact, line.name):
            plain = plain.replace(known.lower(), "")
    emergency = emergency_number(locale)
    if emergency:
        plain = plain.replace(emergency, "")
    return _NUMBER.search(plain.replace("24/7", "")) is not None
