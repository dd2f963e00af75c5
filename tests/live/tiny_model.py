"""Write a tiny Qwen3 with seeded random weights to the folder given; run by .venv-vllm's Python.

What it says is noise. What matters is everything around it: a real tokenizer, a real chat
template and a real engine that counts, streams, stops and calls tools.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# WHY: merges are counted in parallel otherwise, and ties could fall differently on each machine.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261121
VOCABULARY_TOKENS_MAX = 4096
POSITIONS_MAX = 8192
LEAN = 8.0
CORPUS_BYTES_MAX = 8 * 1024 * 1024
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKERS = (
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
PATTERNS = ("README.md", "docs/**/*.md", "gateway/**/*.py", "tests/**/*.py")


def corpus() -> Iterator[str]:
    """Yield the project's own text, always in the same order."""
    left = CORPUS_BYTES_MAX
    for path in sorted({path for pattern in PATTERNS for path in ROOT.glob(pattern)}):
        text = path.read_text(encoding="utf-8", errors="replace")
        left -= len(text)
        if left < 0:
            return
        yield text


def tokenizer(template: str) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE, so that every text has tokens and every token has text."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_TOKENS_MAX - len(SPECIAL) - len(MARKERS),
        min_frequency=2,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    bpe.train_from_iterator(corpus(), trainer)
    bpe.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    bpe.add_tokens([AddedToken(token, special=False, normalized=False) for token in MARKERS])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=POSITIONS_MAX,
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )


def unlikely(words: PreTrainedTokenizerFast) -> list[int]:
    """Return the tokens that are no readable text: white space, half a letter, a mark."""
    marks = set(words.convert_tokens_to_ids([*SPECIAL, *MARKERS]))
    texts = ((token, str(words.decode([token]))) for token in range(len(words)))
    return [
        token for token, text in texts if token in marks or not text.strip() or not text.isascii()
    ]


def model(words: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """Draw the weights from the seed, then lean them away from the unlikely tokens.

    Every embedding has the same large first component. It outlives the two layers, so the first
    column of the last matrix is a bias. Without it guided JSON is mostly white space.
    """
    torch.manual_seed(SEED)
    drawn = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(words),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=32,
            max_position_embeddings=POSITIONS_MAX,
            tie_word_embeddings=False,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
            dtype="float32",
        )
    )
    with torch.no_grad():
        drawn.model.embed_tokens.weight.normal_()
        drawn.model.embed_tokens.weight[:, 0] = LEAN
        drawn.lm_head.weight.normal_(std=0.5)
        drawn.lm_head.weight[:, 0] = 0.0
        drawn.lm_head.weight[unlikely(words), 0] = -LEAN
    return drawn


def main(folder: Path) -> None:
    """Save tokenizer, template, weights and generation settings."""
    template = Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8")
    words = tokenizer(template)
    weights = model(words)
    weights.generation_config = GenerationConfig(
        do_sample=True,
        temperature=1.0,
        eos_token_id=[words.eos_token_id, words.pad_token_id],
        pad_token_id=words.pad_token_id,
    )
    folder.mkdir(parents=True, exist_ok=True)
    words.save_pretrained(folder)
    weights.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
