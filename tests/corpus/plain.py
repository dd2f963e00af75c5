"""Contacts, marks and words of export control, as people and tools write them."""

from tests.corpus.sample import BARE, Maker, around, digits, letters, said
from tests.doubles.dice import Dice

_NAMES = ("ada", "jean-luc", "maria.rossi", "t_mueller", "k.nowak", "o.svensson", "p+lists")
_HOUSES = ("analytical", "acme-gmbh", "nordwind", "mail.bluebank", "corp.kernel-works", "hh.se")
_ENDS = ("com", "de", "io", "co.uk", "eu", "fi", "consulting")


def email(chance: Dice) -> str:
    end = chance.choice(_ENDS)
    return f"{chance.choice(_NAMES)}{digits(chance, 2)}@{chance.choice(_HOUSES)}.{end}"


def phone(chance: Dice) -> str:
    country = chance.choice(["+49", "+33", "+46", "+31", "+1", "0049", "+351"])
    area, number = chance.choice("123456789") + digits(chance, 1), digits(chance, 7)
    return chance.choice(
        [
            f"{country} {area} {number}",
            f"{country} {area} {number[:3]} {number[3:]}",
            f"{country}-{area}-{number[:3]}-{number[3:]}",
            f"{country} (0){area} {number}",
        ]
    )


def national_phone(chance: Dice) -> str:
    area, number = f"0{chance.choice('123456789')}{digits(chance, 2)}", digits(chance, 7)
    form = chance.choice(["{} {}", "{}/{}", "({}) {}", "{}-{}"])
    return form.format(area, number)


def ipv4(chance: Dice) -> str:
    first = chance.choice([10, 172, 192, 85, 217, 46])
    return f"{first}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"


def ipv6(chance: Dice) -> str:
    groups = [f"{chance.getrandbits(16):x}" for _ in range(5)]
    return chance.choice(
        [f"2a01:{':'.join(groups[:3])}::{groups[4]}", f"fd00:{':'.join(groups)}:1:2"]
    )


PHONE = said("Tel.: {}", "phone {}", "Telefon: {}", "mobile: {}", "Fax {}", "call {}")

CONTACTS: dict[str, Maker] = {
    "e-mail": lambda c: BARE(c, email(c)),
    "telephone, international": lambda c: BARE(c, phone(c)),
    "telephone, national": lambda c: PHONE(c, national_phone(c)),
    "IPv4": lambda c: BARE(c, ipv4(c)),
    "IPv6": lambda c: BARE(c, ipv6(c)),
}

NO_CONTACTS: dict[str, Maker] = {
    "an address for examples": lambda c: BARE(c, f"user{digits(c, 2)}@example.com"),
    "a clone URL": lambda c: BARE(c, f"git@git-{digits(c, 1)}.corp.io:team/repo.git"),
    "a decorator": lambda c: around(c, f"@pytest.mark.skip{digits(c, 1)}\ndef test(): ..."),
    "a version": lambda c: BARE(c, f"v{digits(c, 1)}.{digits(c, 2)}.{digits(c, 1)}.{digits(c, 4)}"),
    "a loopback": lambda c: BARE(c, f"127.0.0.{c.randrange(1, 255)}:{digits(c, 4)}"),
    "a mask": lambda c: BARE(c, "255.255.255.0"),
    "a time": lambda c: BARE(c, f"{c.randrange(24):02}:{c.randrange(60):02}:{c.randrange(60):02}"),
    "a hardware address": lambda c: BARE(c, ":".join(f"{c.getrandbits(8):02x}" for _ in range(6))),
    "a scope": lambda c: BARE(c, c.choice(["std::chrono::seconds", "a::b::c", "Foo::BAR"])),
    "a sum": lambda c: around(c, f"{digits(c, 5)} + {digits(c, 4)} = {digits(c, 5)}"),
    "a date": lambda c: BARE(c, f"{c.randrange(1, 29):02}.{c.randrange(1, 13):02}.2026"),
}

_TLP = ("TLP:RED", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN")
_BANNERS = (
    "CONFIDENTIAL", "STRICTLY CONFIDENTIAL", "COMPANY CONFIDENTIAL", "*** CONFIDENTIAL ***",
    "ACME GMBH - CONFIDENTIAL", "CONFIDENTIAL - INTERNAL USE ONLY", "Confidentiality: CONFIDENTIAL",
    "INTERNAL USE ONLY", "FOR INTERNAL USE ONLY", "// Proprietary and confidential",
    "# CONFIDENTIAL AND PROPRIETARY", "Classification: Confidential", "Classification: Secret",
    "Data classification: Restricted", "VERTRAULICH", "STRENG VERTRAULICH", "VS-NfD",
    "VS - NUR FÜR DEN DIENSTGEBRAUCH", "Einstufung: vertraulich", "CONFIDENTIEL",
    "DIFFUSION RESTREINTE", "RISERVATO", "TOP SECRET", "NATO RESTRICTED",
    "RESTREINT UE/EU RESTRICTED", "===== SECRET =====", "[CONFIDENTIAL]", "<!-- CONFIDENTIAL -->",
    "* COMPANY CONFIDENTIAL *", "TRADE SECRET - DO NOT DISTRIBUTE",
)  # fmt: skip


def _label_id(chance: Dice) -> str:
    return "-".join(f"{chance.getrandbits(4 * n):0{n}x}" for n in (8, 4, 4, 4, 12))


def office_label(chance: Dice) -> str:
    name = _label_id(chance)
    return chance.choice(
        [
            f'<property fmtid="{{D5CDD505}}" pid="2" name="MSIP_Label_{name}_Enabled">'
            "<vt:lpwstr>true</vt:lpwstr></property>",
            f'<clbl:labelList xmlns:clbl="http://x"><clbl:label id="{{{name}}}" enabled="1" '
            f'method="Standard" siteId="{{{_label_id(chance)}}}"/></clbl:labelList>',
            f"msip_labels: MSIP_Label_{name}_Enabled=True; MSIP_Label_{name}_Name=Secret;",
        ]
    )


TLP = said("{}", "Report ({})", "[{}] indicators of compromise", "# {}", "classification: {}")

MARKINGS: dict[str, Maker] = {
    "TLP": lambda c: TLP(c, c.choice(_TLP)),
    "banner": lambda c: around(c, c.choice(_BANNERS)),
    "office label": lambda c: around(c, office_label(c)),
}

NO_MARKINGS: dict[str, Maker] = {
    "prose": lambda c: around(
        c,
        c.choice(
            [
                "This is confidential, please keep it to yourself.",
                "The word CONFIDENTIAL stands on every page of it.",
                "What does TLP: RED mean, and who decided on tlp:red?",
                "Our confidential computing nodes are restricted to two zones.",
                "The secret of a good test is that it can fail.",
                "Internal use only of the parser is what we had in mind.",
                "See the section on classification, confidential or not.",
            ]
        ),
    ),
    "a constant": lambda c: around(
        c,
        c.choice(
            [
                f"    CONFIDENTIAL = {digits(c, 1)}",
                "    SECRET,",
                "    RESTRICTED = auto()",
                'LEVELS = ("PUBLIC", "INTERNAL", "CONFIDENTIAL")',
                "SECRET_KEY = os.environ['SECRET_KEY']",
                "- level: confidential",
                "label: restricted+pii",
                "if label == 'CONFIDENTIAL':",
            ]
        ),
    ),
    "a heading": lambda c: around(
        c,
        c.choice(["## Confidential computing", "# Secrets", "### Restricted mode", "Confidential"]),
    ),
}

_EXPORTS = (
    "This item is ITAR controlled.", "ECCN 5D002", "ECCN: 3A001", "Its ECCN is 5E002.",
    "USML Category XI(c)", "listed on the U.S. Munitions List", "subject to the EAR",
    "Export Administration Regulations apply", "22 CFR 121.1", "15 CFR 740.17",
    "International Traffic in Arms Regulations", "dual-use goods under Regulation (EU) 2021/821",
    "contains export-controlled technical data", "DISTRIBUTION STATEMENT D", "SECRET//NOFORN",
    "export control classification: 9E003.a", "Ausfuhrliste Teil I Abschnitt A",
    "dual-use item 4A003", "EAR 99 does not apply; ECCN 5A992", "Exportkontrolle: AL-Nummer 5D002",
)  # fmt: skip

ECCN = said("ECCN {}", "ECCN: {}", "its ECCN is {}", "export control class {}", "ECCN #{}")


def eccn(chance: Dice) -> str:
    number = f"{digits(chance, 1)}{chance.choice('ABCDE')}{digits(chance, 3)}"
    return chance.choice([number, number, f"{number}.{chance.choice('abcd')}"])


def paragraph(chance: Dice) -> str:
    category = chance.choice(["I", "IV", "VIII", "XI", "XII", "XV", "XXI"])
    return chance.choice(
        [
            f"22 CFR {chance.randrange(120, 131)}.{chance.randrange(1, 20)}",
            f"15 C.F.R. {chance.randrange(730, 775)}.{chance.randrange(1, 30)}",
            f"22 CFR Part {chance.randrange(120, 131)}",
            f"USML Category {category}({chance.choice('abch')})",
        ]
    )


EXPORTS: dict[str, Maker] = {
    "words of export control": lambda c: around(c, c.choice(_EXPORTS)),
    "ECCN": lambda c: ECCN(c, eccn(c)),
    "a paragraph": lambda c: around(c, f"see {paragraph(c)}."),
}

NO_EXPORTS: dict[str, Maker] = {
    "words that sound alike": lambda c: around(
        c,
        c.choice(
            [
                "She plays the guitar by EAR.",
                "export default function App() {}",
                f"color: #{digits(c, 1)}D{digits(c, 3)};",
                f"sku {digits(c, 1)}A{digits(c, 3)} is sold out",
                "The year-end export of the ledger is due.",
                "a dual use of the same cache",
                "export CONTROL=1",
                "bis morgen, EAR und EYE",
                "the early bird",
            ]
        ),
    ),
    "a part": lambda c: BARE(c, f"{letters(c, 2)}-{digits(c, 1)}B{digits(c, 3)}"),
}
