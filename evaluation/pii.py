"""Evaluate the finding of personal data: which spans, to the character and at all, by type."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from evaluation.lines import Line, text_problem
from evaluation.metrics import Rate, Times, rounded
from silent_infinity.domain.guards.personal_data import find

LONGEST_NAME: Final = 40
_MILLISECONDS: Final = 1000.0
_ALIASES: Final = {
    **dict.fromkeys(("EMAIL_ADDRESS", "E_MAIL", "MAIL"), "EMAIL"),
    **dict.fromkeys(("PHONE_NUMBER", "TELEPHONE", "TELEPHONENUM", "PHONENUMBER", "TEL", "FAX"), "PHONE"),
    **dict.fromkeys(("CREDIT_DEBIT_NUMBER", "CREDITCARDNUMBER", "CARD", "CREDIT_CARD_NUMBER"), "CREDIT_CARD"),
    **dict.fromkeys(("CREDIT_DEBIT_CVV", "CVV", "CREDITCARDCVV"), "CREDIT_CARD"),
    **dict.fromkeys(("IBAN_CODE", "INTERNATIONAL_BANK_ACCOUNT_NUMBER"), "IBAN"),
    **dict.fromkeys(
        ("BANK_ACCOUNT_NUMBER", "ACCOUNT_NUMBER", "BANK_ROUTING", "US_BANK_NUMBER"), "BANK_ACCOUNT"
    ),
    **dict.fromkeys(("PERSON", "PERSON_NAME", "FIRST_NAME", "LAST_NAME", "FULL_NAME", "GIVENNAME"), "NAME"),
    **dict.fromkeys(("SURNAME", "FIRSTNAME", "LASTNAME", "MIDDLENAME"), "NAME"),
    **dict.fromkeys(
        ("SSN", "US_SSN", "UK_NINO", "IN_AADHAAR", "IN_PAN", "ES_NIF", "ES_NIE", "SOCIALNUM"), "NATIONAL_ID"
    ),
    **dict.fromkeys(("UK_NATIONAL_INSURANCE_NUMBER", "CA_SOCIAL_INSURANCE_NUMBER", "TAXNUM"), "NATIONAL_ID"),
    **dict.fromkeys(("SOCIAL_SECURITY_NUMBER", "IDCARDNUM", "ID_NUMBER", "CPF", "SIN", "TFN"), "NATIONAL_ID"),
    **dict.fromkeys(("STREET_ADDRESS", "STREET", "LOCATION_ADDRESS", "POSTAL_ADDRESS", "ZIPCODE"), "ADDRESS"),
    **dict.fromkeys(("DOB", "BIRTHDATE", "BIRTHDAY", "DATEOFBIRTH", "BIRTH_DATE"), "DATE_OF_BIRTH"),
    **dict.fromkeys(("IP", "IPV4", "IPV6", "IPADDRESS"), "IP_ADDRESS"),
    **dict.fromkeys(("MAC",), "MAC_ADDRESS"),
    **dict.fromkeys(("USER_NAME", "HANDLE", "USERID", "LOGIN"), "USERNAME"),
    **dict.fromkeys(("LINK", "WEBSITE"), "URL"),
    **dict.fromkeys(("PASSPORT_NUMBER", "US_PASSPORT", "PASSPORTNUM"), "PASSPORT"),
    **dict.fromkeys(
        ("DRIVER_ID", "US_DRIVER_LICENSE", "DRIVERLICENSENUM", "DRIVING_LICENSE"), "DRIVER_LICENSE"
    ),
    **dict.fromkeys(("LICENSE_PLATE", "PLATE", "VEHICLE_REGISTRATION"), "VEHICLE_PLATE"),
    **dict.fromkeys(("IMEI", "PHONEIMEI"), "DEVICE_ID"),
    **dict.fromkeys(("CRYPTO", "BITCOINADDRESS", "ETHEREUMADDRESS", "CRYPTO_WALLET"), "CRYPTO_ADDRESS"),
}
"""What other sets call the same thing: a label is compared under the name that the guard uses."""

Timer = Callable[[], float]
Place = tuple[int, int, str]
"""Start, end and type of a span."""


def problem(line: Line) -> str | None:
    """Say what is wrong with a line, without quoting it."""
    found = text_problem(line)
    if found:
        return found
    spans = line.get("spans")
    if spans is None:
        return None
    if not isinstance(spans, list):
        return 'the field "spans" is not a list'
    size = len(line["text"])
    for span in spans:
        if not isinstance(span, dict) or not isinstance(span.get("type"), str):
            return "a span is no object with a type"
        start, end = span.get("start"), span.get("end")
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= size:
            return "a span does not lie within its text"
    return None


@dataclass(slots=True)
class _Counts:
    """Spans of one type: how many there are, how many were said, and how many of each meet the other."""

    true: int = 0
    said: int = 0
    exact: int = 0
    true_met: int = 0
    said_met: int = 0


@dataclass(slots=True)
class PiiEvaluation:
    """One run over lines `{"text", "spans"?}`, each span being `{"start", "end", "type"}` in characters."""

    timer: Timer = time.perf_counter
    lines: int = 0
    labelled: int = 0
    clean_lines: int = 0
    clean_flagged: int = 0
    any_type: _Counts = field(default_factory=_Counts)
    same_type: _Counts = field(default_factory=_Counts)
    types: dict[str, _Counts] = field(default_factory=dict)
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        find("warm up")

    def add(self, line: Line, source: str = "") -> Line:
        """Search a checked line; returns it with `predicted_spans`."""
        start = self.timer()
        found = find(line["text"])
        self.times.add((self.timer() - start) * _MILLISECONDS)
        self.lines += 1
        said = [(span.start, span.end, span.type) for span in found]
        if line.get("spans") is not None:
            self._note([(s["start"], s["end"], canonical(s["type"])) for s in line["spans"]], said)
        predicted = [
            {"start": span.start, "end": span.end, "type": span.type, "rule_id": span.rule_id}
            for span in found
        ]
        return {**line, "predicted_spans": predicted}

    def summary(self) -> dict[str, Any]:
        """Return every figure. No text of a line is among them."""
        overall, any_type = _scores(self.same_type), _scores(self.any_type)
        return {
            "kind": "pii",
            "lines": self.lines,
            "labelled": self.labelled,
            "figures": {
                "precision": overall["exact"]["precision"],
                "recall": overall["exact"]["recall"],
                "overlap_precision": overall["overlap"]["precision"],
                "overlap_recall": overall["overlap"]["recall"],
                "untyped_precision": any_type["overlap"]["precision"],
                "untyped_recall": any_type["overlap"]["recall"],
                "false_alarms": Rate(self.clean_flagged, self.clean_lines).to_json(),
            },
            "f1": {
                "exact": overall["exact"]["f1"],
                "overlap": overall["overlap"]["f1"],
                "untyped_overlap": any_type["overlap"]["f1"],
            },
            "types": {
                name: {"true": counts.true, "predicted": counts.said, **_scores(counts)}
                for name, counts in sorted(self.types.items())
            },
            "groups": {"type": _weakest_first(self.types)},
            "time_ms": {"total": self.times.to_json()},
        }

    def _note(self, true: Sequence[Place], said: Sequence[Place]) -> None:
        self.labelled += 1
        if not true:
            self.clean_lines += 1
            self.clean_flagged += bool(said)
        for kind in {place[2] for place in (*true, *said)}:
            counts = self.types.setdefault(kind[:LONGEST_NAME], _Counts())
            of_kind = [[place for place in places if place[2] == kind] for places in (true, said)]
            for total in (counts, self.same_type):
                _compare(total, *of_kind)
        _compare(self.any_type, *([(start, end, "") for start, end, _ in places] for places in (true, said)))


def canonical(kind: str) -> str:
    """Return the name that the guard uses for the type that a set calls `kind`."""
    name = kind.strip().upper().replace("-", "_").replace(" ", "_")
    return _ALIASES.get(name, name)


def evaluate(lines: Iterable[Line]) -> tuple[list[Line], dict[str, Any]]:
    """Return the predictions of checked lines, in their order, and the summary."""
    evaluation = PiiEvaluation()
    return [evaluation.add(line) for line in lines], evaluation.summary()


def _compare(counts: _Counts, true: Sequence[Place], said: Sequence[Place]) -> None:
    counts.true += len(true)
    counts.said += len(said)
    counts.exact += len(set(true) & set(said))
    counts.true_met += sum(any(_meet(one, other) for other in said) for one in true)
    counts.said_met += sum(any(_meet(one, other) for other in true) for one in said)


def _meet(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _scores(counts: _Counts) -> dict[str, Any]:
    return {
        "exact": _precision_and_recall(counts.exact, counts.exact, counts),
        "overlap": _precision_and_recall(counts.said_met, counts.true_met, counts),
    }


def _precision_and_recall(right: int, found: int, counts: _Counts) -> dict[str, Any]:
    precision, recall = Rate(right, counts.said), Rate(found, counts.true)
    p, r = precision.value or 0.0, recall.value or 0.0
    f1 = None if not (counts.said or counts.true) else rounded(2 * p * r / (p + r) if p + r else 0.0)
    return {"precision": precision.to_json(), "recall": recall.to_json(), "f1": f1}


def _weakest_first(types: dict[str, _Counts]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, counts in types.items():
        missed, false = counts.true - counts.true_met, counts.said - counts.said_met
        rows.append(
            {
                "name": name,
                "n": counts.true + counts.said,
                "missed": Rate(missed, counts.true).to_json(),
                "false_alarms": Rate(false, counts.said).to_json(),
                "wrong": Rate(missed + false, counts.true + counts.said).to_json(),
            }
        )
    rows.sort(key=lambda row: (-row["wrong"]["low"], -row["wrong"]["value"], row["name"]))
    return rows
