"""Made-up secrets in the formats that vendors document; written without looking at our rules."""

import base64
import hashlib
import string
from collections.abc import Callable

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = UPPER + LOWER + DIGITS
LOWNUM = LOWER + DIGITS
HEX = DIGITS + "abcdef"
URLSAFE = ALNUM + "-_"
BASE64 = ALNUM + "+/"
BASE32 = UPPER + "234567"
BYTES_MAX = 32 * 1024
BECH32 = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"


class Draw:
    """Characters that look random and are the same in every run."""

    def __init__(self, seed: str) -> None:
        self._bytes = hashlib.shake_256(seed.encode()).digest(BYTES_MAX)
        self._at = 0

    def __call__(self, alphabet: str, length: int) -> str:
        drawn = self._bytes[self._at : self._at + length]
        self._at += length
        assert len(drawn) == length, "BYTES_MAX is too small"
        return "".join(alphabet[byte % len(alphabet)] for byte in drawn)


def pem(draw: Draw, kind: str) -> str:
    body = "\n".join(draw(BASE64, 64) for _ in range(25))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"


def jwt(draw: Draw) -> str:
    def part(claims: str) -> str:
        return base64.urlsafe_b64encode(claims.encode()).rstrip(b"=").decode()

    head = part('{"alg":"HS256","typ":"JWT"}')
    claims = part(f'{{"sub":"{draw(DIGITS, 10)}","name":"{draw(LOWER, 12)}"}}')
    return f"{head}.{claims}.{draw(URLSAFE.replace('-', ''), 43)}"


def uuid(draw: Draw) -> str:
    return "-".join(draw(HEX, length) for length in (8, 4, 4, 4, 12))


Maker = Callable[[Draw], str]

# Secrets whose own form gives them away, by a word of the kind under which they must be found.
FORMATS: dict[str, Maker] = {
    "aws-access key id": lambda d: "AKIA" + d(BASE32, 16),
    "aws-access session key id": lambda d: "ASIA" + d(BASE32, 16),
    "bedrock long-lived": lambda d: "ABSK" + d(BASE64, 128),
    "github-pat": lambda d: "ghp_" + d(ALNUM, 36),
    "github-fine-grained": lambda d: f"github_pat_{d(ALNUM, 22)}_{d(ALNUM, 59)}",
    "github-oauth": lambda d: "gho_" + d(ALNUM, 36),
    "github-app": lambda d: "ghs_" + d(ALNUM, 36),
    "github-refresh": lambda d: "ghr_" + d(ALNUM, 36),
    "gitlab-pat": lambda d: "glpat-" + d(URLSAFE, 20),
    "gitlab-deploy": lambda d: "gldt-" + d(URLSAFE, 20),
    "gitlab-runner": lambda d: "glrt-" + d(URLSAFE, 20),
    "slack-bot": lambda d: f"xoxb-{d(DIGITS, 11)}-{d(DIGITS, 12)}-{d(ALNUM, 24)}",
    "slack-user": lambda d: f"xoxp-{d(DIGITS, 11)}-{d(DIGITS, 11)}-{d(DIGITS, 12)}-{d(HEX, 32)}",
    "slack-app": lambda d: f"xapp-1-A{d(UPPER + DIGITS, 10)}-{d(DIGITS, 13)}-{d(HEX, 64)}",
    "slack-webhook": lambda d: (
        f"https://hooks.slack.com/services/T{d(UPPER + DIGITS, 10)}/B{d(UPPER + DIGITS, 10)}"
        f"/{d(ALNUM, 24)}"
    ),
    "stripe live": lambda d: "sk_live_" + d(ALNUM, 24),
    "stripe restricted": lambda d: "rk_live_" + d(ALNUM, 99),
    "gcp-api": lambda d: "AIza" + d(URLSAFE, 34) + "x",
    "openai project": lambda d: f"sk-proj-{d(URLSAFE, 74)}T3BlbkFJ{d(ALNUM, 74)}",
    "openai legacy": lambda d: f"sk-{d(ALNUM, 20)}T3BlbkFJ{d(ALNUM, 20)}",
    "anthropic-api": lambda d: f"sk-ant-api03-{d(URLSAFE, 93)}AA",
    "anthropic-admin": lambda d: f"sk-ant-admin01-{d(URLSAFE, 93)}AA",
    "huggingface": lambda d: "hf_" + d(UPPER + LOWER, 34),
    "perplexity": lambda d: "pplx-" + d(ALNUM, 48),
    "npm": lambda d: "npm_" + d(ALNUM, 36),
    "pypi": lambda d: "pypi-AgEIcHlwaS5vcmc" + d(URLSAFE, 150),
    "rubygems": lambda d: "rubygems_" + d(HEX, 48),
    "sendgrid": lambda d: f"SG.{d(URLSAFE, 22)}.{d(URLSAFE, 43)}",
    "sendinblue": lambda d: f"xkeysib-{d(HEX, 64)}-{d(ALNUM, 16)}",
    "twilio": lambda d: "SK" + d(HEX, 32),
    "digitalocean": lambda d: "dop_v1_" + d(HEX, 64),
    "shopify-access": lambda d: "shpat_" + d(HEX, 32),
    "square": lambda d: "sq0atp-" + d(URLSAFE, 22),
    "databricks": lambda d: "dapi" + d(HEX, 32),
    "doppler": lambda d: "dp.pt." + d(ALNUM, 43),
    "dynatrace": lambda d: f"dt0c01.{d(BASE32, 24)}.{d(BASE32, 64)}",
    "linear": lambda d: "lin_api_" + d(ALNUM, 40),
    "notion": lambda d: f"ntn_{d(DIGITS, 11)}{d(ALNUM, 35)}",
    "postman": lambda d: f"PMAK-{d(HEX, 24)}-{d(HEX, 34)}",
    "pulumi": lambda d: "pul-" + d(HEX, 40),
    "prefect": lambda d: "pnu_" + d(ALNUM, 36),
    "planetscale": lambda d: "pscale_tkn_" + d(URLSAFE, 43),
    "readme": lambda d: "rdme_" + d(LOWNUM, 70),
    "sentry-user": lambda d: "sntryu_" + d(HEX, 64),
    "vault-service": lambda d: "hvs." + d(URLSAFE, 95),
    "hashicorp-tf": lambda d: f"{d(ALNUM, 14)}.atlasv1.{d(ALNUM, 67)}",
    "age-secret": lambda d: "AGE-SECRET-KEY-1" + d(BECH32, 58),
    "grafana-service": lambda d: f"glsa_{d(ALNUM, 32)}_{d(HEX, 8)}",
    "grafana-cloud": lambda d: "glc_" + d(BASE64, 120),
    "artifactory": lambda d: "AKCp" + d(ALNUM, 69),
    "1password": lambda d: "A3-" + "-".join(d(UPPER + DIGITS, n) for n in (6, 6, 5, 5, 5, 5)),
    "heroku": lambda d: "HRKU-AA" + d(URLSAFE, 58),
    "flyio": lambda d: "fo1_" + d(URLSAFE, 43),
    "alibaba": lambda d: "LTAI" + d(ALNUM, 20),
    "adobe": lambda d: "p8e-" + d(LOWNUM, 32),
    "easypost": lambda d: "EZAK" + d(ALNUM, 54),
    "azure-ad": lambda d: f"{d(ALNUM, 3)}8Q~{d(ALNUM, 34)}",
    "atlassian": lambda d: "ATATT3" + d(URLSAFE, 186),
    "cloudflare-origin": lambda d: f"v1.0-{d(HEX, 24)}-{d(HEX, 146)}",
    "jwt": jwt,
    "private-key pkcs8": lambda d: pem(d, "PRIVATE KEY"),
    "private-key rsa": lambda d: pem(d, "RSA PRIVATE KEY"),
    "private-key ec": lambda d: pem(d, "EC PRIVATE KEY"),
    "private-key openssh": lambda d: pem(d, "OPENSSH PRIVATE KEY"),
    "private-key pgp": lambda d: pem(d, "PGP PRIVATE KEY BLOCK"),
}

# Secrets that are known by the name they are assigned to.
ASSIGNED: dict[str, tuple[str, Maker]] = {
    "datadog": ("DATADOG_APP_KEY", lambda d: d(LOWNUM, 40)),
    "mailgun": ("mailgun_api_key", lambda d: "key-" + d(HEX, 32)),
    "okta": ("OKTA_API_TOKEN", lambda d: "00" + d(URLSAFE.replace("-", ""), 40)),
    "telegram": ("telegram_bot_token", lambda d: f"{d(DIGITS, 10)}:A{d(URLSAFE, 34)}"),
    "heroku-api": ("HEROKU_API_KEY", uuid),
    "zendesk": ("zendesk_secret", lambda d: d(LOWNUM, 40)),
    "netlify": ("netlify_token", lambda d: d(LOWNUM, 43)),
    "cohere": ("CO_API_KEY", lambda d: d(ALNUM, 40)),
    "airtable": ("AIRTABLE_API_KEY", lambda d: "key" + d(LOWNUM, 14)),
    "cloudflare-api": ("CLOUDFLARE_API_TOKEN", lambda d: d(URLSAFE, 40)),
}
