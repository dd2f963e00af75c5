import pytest

from gateway.classification.texts import join_texts
from tests.doubles.compiled_detectors import a_detector, hits_of


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("tlp-red", "TLP:RED"),
        ("tlp-amber", "TLP:AMBER"),
        ("tlp-amber-strict", "TLP:AMBER+STRICT"),
        ("tlp-green", "TLP:GREEN"),
        ("tlp-clear", "TLP:CLEAR"),
    ],
)
def test_the_traffic_light_counts_in_its_exact_spelling(kind: str, mark: str) -> None:
    assert hits_of("markings", f"Report ({mark}), page 1") == [(kind, mark)]
    for wrong in (mark.lower(), mark.replace(":", ": "), f"X{mark}", f"{mark}DER"):
        assert [text for _, text in hits_of("markings", wrong)] in ([], ["TLP:AMBER"])
    assert hits_of("markings", mark.lower()) == []


def test_what_may_go_everywhere_is_a_tag() -> None:
    hits = a_detector("markings").scan(join_texts({"x": "TLP:CLEAR"}).buffer).hits
    assert [hit.tag_only for hit in hits] == [True]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("banner-confidential", "CONFIDENTIAL"),
        ("banner-confidential", "   *** STRICTLY CONFIDENTIAL ***  "),
        ("banner-confidential", "ACME CORP CONFIDENTIAL"),
        ("banner-confidential", "CONFIDENTIAL - DO NOT DISTRIBUTE"),
        ("banner-confidential", "// COMPANY CONFIDENTIAL //"),
        ("banner-confidential", "# STRENG VERTRAULICH"),
        ("banner-confidential", "[Confidential]"),
        ("banner-confidential", "--- strictly confidential ---"),
        ("banner-confidential", " * Proprietary and confidential"),
        ("banner-confidential", "Classification: Confidential"),
        ("banner-confidential", "**Data classification:** strictly confidential"),
        ("banner-confidential", "DIFFUSION RESTREINTE"),
        ("banner-internal", "FOR INTERNAL USE ONLY"),
        ("banner-internal", "# Internal use only."),
        ("banner-internal", "Classification: Internal"),
        ("banner-secret", "TOP SECRET"),
        ("banner-secret", "==== SECRET ===="),
        ("banner-secret", "VS-NfD"),
        ("banner-secret", "VS - NUR FÜR DEN DIENSTGEBRAUCH"),
        ("banner-secret", "RESTREINT UE/EU RESTRICTED"),
        ("banner-secret", "Einstufung: Geheim"),
    ],
)
@pytest.mark.parametrize("frame", ["{}", "{}\nDear all,", "Dear all,\n{}\r\nbye", "a\r\n{}"])
def test_a_banner_that_fills_a_line_counts(kind: str, line: str, frame: str) -> None:
    found = hits_of("markings", frame.format(line))
    assert [one for one, _ in found] == [kind]
    assert found[0][1].strip() in line
    assert [one for one, _ in hits_of("markings", {"content": frame.format(line)})] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "this is confidential, I think",
        "Confidential",
        "CONFIDENTIAL = 3",
        "    CONFIDENTIAL,",
        '"CONFIDENTIAL"',
        "SECRET",
        "SECRET = os.environ['SECRET']",
        "RESTRICTED",
        "def confidential():",
        "## Confidential computing",
        "levels: [public, internal, confidential]",
        "the label CONFIDENTIAL is for plans",
        "label: restricted",
        "sensitivity: 0.5",
        "internal use only by the parser",
        "MSIP_Label_Enabled",
    ],
)
def test_the_word_in_prose_or_code_is_no_banner(text: str) -> None:
    assert hits_of("markings", f"first\n{text}\nlast") == []


def test_neighbouring_banners_all_count() -> None:
    assert len(hits_of("markings", "CONFIDENTIAL\nTOP SECRET\nINTERNAL USE ONLY")) == 3


def test_a_line_that_says_two_things_is_both() -> None:
    line = "INTERNAL ONLY - NATO SECRET"
    assert sorted(hits_of("markings", f"first\n{line}\nlast")) == [
        ("banner-internal", line),
        ("banner-secret", line),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '<property name="MSIP_Label_3e9f1c2a-0b4d-4c6e-8f11-2a3b4c5d6e7f_Enabled">',
        '<clbl:label id="{3e9f1c2a-0b4d-4c6e-8f11-2a3b4c5d6e7f}" enabled="1"/>',
    ],
)
def test_the_label_of_an_office_program_counts(text: str) -> None:
    assert [kind for kind, _ in hits_of("markings", text)] == ["office-label"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("itar", "these drawings are ITAR controlled"),
        ("itar", "see 22 CFR 121.1"),
        ("itar", "the International Traffic in Arms Regulations"),
        ("usml", "USML Category XI(a)(3)"),
        ("usml", "on the U.S. Munitions List"),
        ("ear", "subject to the EAR"),
        ("ear", "export of it falls under EAR rules"),
        ("ear", "15 CFR 734.3"),
        ("eccn", "ECCN 5D002"),
        ("eccn", "ECCN: 3A001"),
        ("eccn", "export control class 5E002.a applies"),
        ("dual-use", "a dual-use item"),
        ("dual-use", "Regulation (EU) 2021/821"),
        ("export-marking", "contains export-controlled technical data"),
        ("export-marking", "SECRET//NOFORN"),
        ("export-marking", "DISTRIBUTION STATEMENT D"),
    ],
)
def test_words_of_export_control_count(kind: str, text: str) -> None:
    assert kind in [one for one, _ in hits_of("exports", text)]


@pytest.mark.parametrize(
    "text",
    [
        "GUITAR",
        "itar",
        "by EAR and eye",
        "colour 5D002",
        "0x5D002F",
        "early",
        "export default 5D00",
    ],
)
def test_words_that_sound_alike_do_not(text: str) -> None:
    assert hits_of("exports", text) == []


def test_what_needs_no_licence_is_a_tag() -> None:
    hits = a_detector("exports").scan(join_texts({"x": "EAR99"}).buffer).hits
    assert [(hit.kind, hit.tag_only) for hit in hits] == [("ear99", True)]
