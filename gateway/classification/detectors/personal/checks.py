"""The checks of personal data, by the names that the rule data uses."""

from gateway.classification.detectors.personal import national
from gateway.classification.detectors.personal.cards import is_card
from gateway.classification.detectors.personal.iban import is_iban
from gateway.classification.patterns import Check

CHECKS: dict[str, Check] = {
    "card": is_card,
    "iban": is_iban,
    "be_national_number": national.is_belgian,
    "de_tax_id": national.is_german,
    "es_dni": national.is_spanish,
    "fi_hetu": national.is_finnish,
    "fr_nir": national.is_french,
    "it_codice_fiscale": national.is_italian,
    "nl_bsn": national.is_dutch,
    "pl_pesel": national.is_polish,
    "pt_nif": national.is_portuguese,
    "se_personnummer": national.is_swedish,
}
