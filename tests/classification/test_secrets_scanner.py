from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.classification import matching
from gateway.classification.detectors.secrets import (
    Rule,
    SecretScanner,
    compile_database,
    parse_rules,
)
from gateway.classification.detectors.secrets import scanner as scanner_module
from gateway.classification.detectors.secrets.confirm import Confirmation, Run, Stopwords, entropy
from gateway.classification.matching import engine
from gateway.classification.parts import SEPARATOR
from gateway.classification.texts import Hit, join_texts
from tests.doubles.compiled_secrets import all_database, all_rules, all_secrets
from tests.doubles.vendor_secrets import ALNUM, FORMATS, Draw, jwt, pem

PAT = FORMATS["github-pat"](Draw("pat"))


def a_scanner(*entries: str, common: str = "") -> SecretScanner:
    rules = parse_rules(common + "".join(f"[[rules]]\n{entry}\n" for entry in entries))
    return SecretScanner(rules, compile_database(rules))


def found(scanner: SecretScanner, *texts: str) -> list[tuple[str, str]]:
    """Return kind and text of every hit; tests may look at what the scanner never shows."""
    buffer = join_texts({"x": list(texts)}).buffer
    hits = scanner.scan(buffer).hits
    return [(hit.kind, buffer[hit.start : hit.end].decode()) for hit in hits]


def test_a_secret_at_the_very_first_and_the_very_last_byte_is_found() -> None:
    assert found(all_secrets(), PAT) == [("github-pat", PAT)]
    assert found(all_secrets(), f"{PAT} x", f"x {PAT}") == [("github-pat", PAT)] * 2


def test_a_buffer_without_texts_has_no_hits() -> None:
    assert all_secrets().scan(SEPARATOR).hits == ()
    assert all_secrets().scan(b"").hits == ()


def test_a_secret_deep_in_a_large_text_is_found_with_its_bytes() -> None:
    text = "x = 1\n" * 100_000 + PAT + "\n" + "y = 2\n" * 100_000
    assert found(all_secrets(), text) == [("github-pat", PAT)]


def test_every_secret_of_a_text_is_found() -> None:
    secrets = [FORMATS["github-pat"](Draw(f"pat {number}")) for number in range(20)]
    assert [text for _, text in found(all_secrets(), " ".join(secrets))] == secrets


def test_a_private_key_is_one_hit_from_begin_to_end() -> None:
    key = pem(Draw("key"), "RSA PRIVATE KEY")
    assert found(all_secrets(), f"here:\n{key}\nthere") == [("private-key", key)]


def test_two_private_keys_in_a_row_are_covered_whole() -> None:
    one, two = pem(Draw("1"), "RSA PRIVATE KEY"), pem(Draw("2"), "EC PRIVATE KEY")
    texts = [text for _, text in found(all_secrets(), f"{one}\n{two}")]
    assert texts[0] == one
    assert texts[-1].endswith(two)


def test_a_token_longer_than_a_window_is_one_hit_that_covers_it() -> None:
    token = jwt(Draw("jwt")) + Draw("tail")(ALNUM, 3_000)
    assert found(all_secrets(), f"Authorization: Bearer {token}\n") == [("jwt", token)]


def test_a_token_without_a_fixed_length_is_one_hit() -> None:
    token = "pypi-AgEIcHlwaS5vcmc" + Draw("pypi")(ALNUM, 700)
    assert found(all_secrets(), f"token {token} end") == [("pypi-upload-token", token)]


def test_a_rule_counts_only_where_a_keyword_stands_in_the_same_text() -> None:
    digest = Draw("sha")("0123456789abcdef", 40)
    assert found(all_secrets(), f"commit {digest}", "sourcegraph") == []
    assert found(all_secrets(), f"sourcegraph {digest}") != []


def test_a_guess_is_only_a_tag() -> None:
    text = 'api_token = "zq8vT3mK5pX1wR7nB2cD"'
    hits = all_secrets().scan(join_texts({"x": text}).buffer).hits
    assert [(hit.kind, hit.tag_only) for hit in hits] == [("generic-api-key", True)]


def test_too_many_hits_are_a_failure_and_not_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner_module, "HITS_MAX", 3)
    texts = [FORMATS["github-pat"](Draw(f"pat {number}")) for number in range(4)]
    assert not all_secrets().scan(join_texts({"x": texts[:3]}).buffer).truncated
    scanned = all_secrets().scan(join_texts({"x": texts}).buffer)
    assert scanned.truncated
    assert len(scanned.hits) == 3


def test_too_many_matches_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "EARLY_MATCHES", (5,))
    monkeypatch.setattr(scanner_module, "MATCHES_MAX", 10)
    digests = " ".join(Draw(str(number))("0123456789abcdef", 40) for number in range(30))
    scanned = all_secrets().scan(join_texts({"x": digests}).buffer)
    assert (scanned.hits, scanned.truncated) == ((), True)


def test_a_secret_behind_many_matches_that_say_nothing_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "EARLY_MATCHES", (5,))
    digests = " ".join(Draw(str(number))("0123456789abcdef", 40) for number in range(30))
    scanned = all_secrets().scan(join_texts({"x": [digests, PAT]}).buffer)
    assert [hit.kind for hit in scanned.hits] == ["github-pat"]
    assert not scanned.truncated


def test_where_the_first_matches_are_too_many_hits_no_further_ones_are_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "EARLY_MATCHES", (5,))
    monkeypatch.setattr(scanner_module, "HITS_MAX", 3)
    texts = [FORMATS["github-pat"](Draw(f"pat {number}")) for number in range(9)]
    scanned = all_secrets().scan(join_texts({"x": texts}).buffer)
    assert (len(scanned.hits), scanned.truncated) == (3, True)


@pytest.mark.parametrize(("enough", "count"), [(True, 2), (False, 4)])
def test_the_first_matches_may_be_enough(
    monkeypatch: pytest.MonkeyPatch, count: int, *, enough: bool
) -> None:
    monkeypatch.setattr(matching, "EARLY_MATCHES", (2,))
    asked: list[list[matching.Match]] = []
    matcher = matching.Matcher(matching.compiled([b"x"]))
    found, more = matcher.matches(b"xxxx", 9, lambda first: asked.append(first) or enough)
    assert asked == [[(1, 0, 0), (2, 0, 0)]]
    assert (len(found), more) == (count, enough)


def test_a_loaded_scanner_compiles_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = SecretScanner(all_rules(), all_database())
    monkeypatch.delattr("re.compile")
    assert len(found(scanner, f'a_token = "zq8vT3mK5pX1wR7nB2cD" {PAT}')) == 2


def test_too_many_guesses_are_left_out_and_no_failure() -> None:
    lines = [f'token_{number} = "{Draw(str(number))(ALNUM, 30)}"' for number in range(400)]
    scanned = all_secrets().scan(join_texts({"x": "\n".join(lines)}).buffer)
    assert not scanned.truncated
    assert 0 < len(scanned.hits) <= scanner_module.TAGS_MAX
    assert all(hit.tag_only for hit in scanned.hits)


def test_a_guess_behind_what_only_looks_like_one_is_found() -> None:
    looks = 'api_key = "aaaaaaaaaaaaaaaaaaaa"\n' * (scanner_module.TAGS_MAX + 8)
    guess = "q7Zr92LmXw81Kd03Vb6TnYp4"
    told = found(all_secrets(), f'{looks}api_key = "{guess}"\n')
    assert told == [("generic-api-key", guess)]


def test_guesses_do_not_crowd_out_a_secret() -> None:
    lines = [f'token_{number} = "{Draw(str(number))(ALNUM, 30)}"' for number in range(400)]
    hits = all_secrets().scan(join_texts({"x": "\n".join([*lines, PAT])}).buffer).hits
    assert [hit.kind for hit in hits if not hit.tag_only] == ["github-pat"]


def test_over_the_bound_of_second_looks_a_match_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner_module, "CONFIRMED_MAX", 2)
    texts = ["ghp_" + "x" * 36] * 3
    assert [text for _, text in found(all_secrets(), *texts)] == ["ghp_" + "x" * 36]


def test_many_threads_share_one_scanner() -> None:
    secrets = [FORMATS["github-pat"](Draw(f"pat {number}")) for number in range(24)]
    padding = "nothing here\n" * 20_000
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda text: found(all_secrets(), padding + text), secrets))
    assert results == [[("github-pat", secret)] for secret in secrets]


def test_a_scanner_keeps_few_idle_scratches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "IDLE_SCRATCHES_MAX", 0)
    scanner = a_scanner("id = 'a'\nregex = 'x+y'")
    assert found(scanner, "xy") == found(scanner, "xy") == [("a", "xy")]


def test_nothing_of_a_secret_is_printed() -> None:
    scanned = all_secrets().scan(join_texts({"x": PAT}).buffer)
    shown = f"{all_secrets()!r}{all_secrets()}{scanned!r}{scanned.hits[0]}"
    assert PAT[4:12] not in shown
    assert "SecretScanner(221 rules)" in shown


def test_a_low_entropy_excuses() -> None:
    scanner = a_scanner('id = "a"\nregex = "k_[a-z]{8}"\nentropy = 2')
    assert found(scanner, "k_aaaaaaaa") == []
    assert found(scanner, "k_abcdefgh") == [("a", "k_abcdefgh")]


def test_the_secret_is_the_first_group_that_matched() -> None:
    scanner = a_scanner('id = "a"\nregex = "k=(?:(x+)|(y+));"')
    assert found(scanner, "k=yy;", "k=xx;") == [("a", "yy"), ("a", "xx")]


def test_a_rule_may_name_the_group_of_its_secret() -> None:
    scanner = a_scanner('id = "a"\nregex = "(k+)=(y+);"\nsecretGroup = 2')
    assert found(scanner, "k=yy;") == [("a", "yy")]


def test_a_rule_without_groups_gives_its_whole_match() -> None:
    assert found(a_scanner('id = "a"\nregex = "k=y+;"'), "..k=yy;..") == [("a", "k=yy;")]


def test_stop_words_patterns_and_the_common_list_excuse() -> None:
    common = "[allowlist]\nregexes = ['^common$|always']\nstopwords = ['stop']\n"
    scanner = a_scanner(
        "id = 'a'\nregex = 'k=([a-zA-Z]+);'\n[[rules.allowlists]]\nregexes = ['^exam']",
        common=common,
    )
    excused = ["k=example;", "k=xSTOPx;", "k=common;", "k=always;"]
    assert [found(scanner, text) for text in excused] == [[], [], [], []]
    standing = ["k=nexample;", "k=xcommon;", "k=alwaysx;"]
    assert all(found(scanner, text) for text in standing)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=4), max_size=6), st.text("abc", max_size=12))
def test_stop_words_are_found_wherever_they_stand(words: list[str], text: str) -> None:
    stand = Stopwords(tuple(words)).stand_in(text.encode())
    assert stand == any(word in text for word in words)


def test_an_excuse_may_look_at_the_match_with_its_name_or_at_the_line() -> None:
    scanner = a_scanner(
        "id = 'a'\nregex = '[\\w.-]{0,50}?key=([a-z]+);'"
        "\n[[rules.allowlists]]\nregexTarget = 'match'\nregexes = ['^public_key']"
        "\n[[rules.allowlists]]\nregexTarget = 'line'\nregexes = ['^import .* end$']"
    )
    assert found(scanner, "x public_key=abc; y") == []
    assert found(scanner, "one\nimport key=abc; end\ntwo") == []
    assert found(scanner, "import\nkey=abc; end\nimport x end") == [("a", "abc")]
    assert found(scanner, "import key=abc; end and more") == [("a", "abc")]


def test_an_excused_reading_does_not_excuse_another_of_the_same_match() -> None:
    scanner = a_scanner(
        "id = 'a'\nregex = '([a-z]+)=end'\n[[rules.allowlists]]\nregexes = ['^abc$']"
    )
    assert found(scanner, "abc=end") == [("a", "bc")]


def test_a_match_that_no_window_shows_stands() -> None:
    rule = Rule("a", "begin[^;]{10,}end")
    scanner = SecretScanner([rule], compile_database([rule]))
    text = "begin" + "x" * 2_000 + "end"
    ((kind, shown),) = found(scanner, text)
    assert kind == "a"
    assert shown == text


def test_a_window_in_which_re_finds_nothing_leaves_the_match_standing() -> None:
    confirmation = Confirmation(Rule("a", "k=y+;", keywords=("tellingword",)))
    buffer = SEPARATOR + b"tellingword something" + SEPARATOR
    low, high = 2, len(buffer) - 2
    assert confirmation.judge(buffer, Run(12, 12, low, high)) == (3, 12)


def test_a_window_full_of_earlier_matches_leaves_the_match_standing() -> None:
    confirmation = Confirmation(Rule("a", "k!"))
    buffer = SEPARATOR + b"k!" * 300 + SEPARATOR
    end = 3 + 600
    span = confirmation.judge(buffer, Run(end, end, 2, len(buffer) - 2))
    assert span is not None
    assert span[1] == end


def test_hits_come_in_the_order_of_the_text() -> None:
    buffer = join_texts({"x": [PAT, FORMATS["gitlab-pat"](Draw("g")), PAT]}).buffer
    hits = all_secrets().scan(buffer).hits
    assert list(hits) == sorted(hits, key=lambda hit: hit.start)
    assert len({hit.start for hit in hits}) == 3


def test_overlapping_matches_of_one_kind_are_one_hit() -> None:
    scanner = a_scanner("id = 'a'\nregex = 'aXb|aXbcccd'")
    buffer = join_texts({"x": ["aXbcccd"]}).buffer
    assert scanner.scan(buffer).hits == (Hit("a", 7, 14),)


def test_entropy_is_in_bits_per_byte() -> None:
    assert entropy(b"aaaa") == 0
    assert entropy(b"abcd") == 2


def test_the_engine_tells_its_version() -> None:
    assert "Version" in engine()
