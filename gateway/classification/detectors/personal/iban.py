"""IBANs: the country's own length and form, and the check of ISO 7064 (mod 97)."""

import re

# WHY: accounts that the registry and manuals print as examples.
EXAMPLES = frozenset(
    {
        "AT611904300234573201",
        "BE68539007547034",
        "CH9300762011623852957",
        "DE89370400440532013000",
        "DE75512108001245126199",
        "ES9121000418450200051332",
        "FR1420041010050500013M02606",
        "FR7630006000011234567890189",
        "GB29NWBK60161331926819",
        "GB33BUKB20201555555555",
        "GB82WEST12345698765432",
        "IE29AIBK93115212345678",
        "IT60X0542811101000000123456",
        "NL91ABNA0417164300",
        "PL61109010140000071219812874",
        "SE4550000000058398257466",
    }
)

# What follows country and check digits, by country: n digits, a capitals, c both.
FORMS = {
    "AD": "8n12c", "AE": "19n", "AL": "8n16c", "AT": "16n", "AZ": "4a20c", "BA": "16n",
    "BE": "12n", "BG": "4a6n8c", "BH": "4a14c", "BI": "23n", "BR": "23n1a1c", "BY": "4c4n16c",
    "CH": "5n12c", "CR": "18n", "CY": "8n16c", "CZ": "20n", "DE": "18n", "DJ": "23n",
    "DK": "14n", "DO": "4c20n", "EE": "16n", "EG": "25n", "ES": "20n", "FI": "14n",
    "FK": "2a12n", "FO": "14n", "FR": "10n11c2n", "GB": "4a14n", "GE": "2a16n", "GI": "4a15c",
    "GL": "14n", "GR": "7n16c", "GT": "24c", "HN": "4a20n", "HR": "17n", "HU": "24n",
    "IE": "4a14n", "IL": "19n", "IQ": "4a15n", "IS": "22n", "IT": "1a10n12c", "JO": "4a4n18c",
    "KW": "4a22c", "KZ": "3n13c", "LB": "4n20c", "LC": "4a24c", "LI": "5n12c", "LT": "16n",
    "LU": "3n13c", "LV": "4a13c", "LY": "21n", "MC": "10n11c2n", "MD": "20c", "ME": "18n",
    "MK": "3n10c2n", "MN": "16n", "MR": "23n", "MT": "4a5n18c", "MU": "4a19n3a", "NI": "4a20n",
    "NL": "4a10n", "NO": "11n", "OM": "3n16c", "PK": "4a16c", "PL": "24n", "PS": "4a21c",
    "PT": "21n", "QA": "4a21c", "RO": "4a16c", "RS": "18n", "RU": "14n15c", "SA": "2n18c",
    "SC": "4a20n3a", "SD": "14n", "SE": "20n", "SI": "15n", "SK": "20n", "SM": "1a10n12c",
    "SO": "19n", "ST": "21n", "SV": "4a20n", "TL": "19n", "TN": "20n", "TR": "5n1n16c",
    "UA": "6n19c", "VA": "18n", "VG": "4a16n", "XK": "16n", "YE": "4a4n18c",
}  # fmt: skip

_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}
_PARTS = re.compile(r"(\d+)([nac])")
_FORMS = {
    country: re.compile("".join(f"{_CLASSES[kind]}{{{n}}}" for n, kind in _PARTS.findall(form)))
    for country, form in FORMS.items()
}
_NUMBERS = {ord("A") + number: str(10 + number) for number in range(26)}
_CODES = {country: country.translate(_NUMBERS) for country in FORMS}


def is_iban(text: str) -> bool:
    """Is the text an IBAN of a country that has them, and no well-known example?"""
    account = text.replace(" ", "").replace("-", "").upper()
    country = account[:2]
    form = _FORMS.get(country)
    if form is None or form.fullmatch(account, 4) is None:
        return False
    # WHY: most are digits alone, and need no letter by letter.
    number = account[4:] if account[4:].isdigit() else account[4:].translate(_NUMBERS)
    return int(f"{number}{_CODES[country]}{account[2:4]}") % 97 == 1 and account not in EXAMPLES
