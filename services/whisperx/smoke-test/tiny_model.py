"""Makes a Whisper model of random weights in CTranslate2's format: complete and small (15 MB), its text is noise.

    python3 tiny_model.py OUT

For tests where no real weights can be had: every part of a real transcription runs on it.
"""
import json
import pathlib
import sys
import tempfile

import ctranslate2
import tokenizers
import torch
import transformers
from transformers.models.whisper.tokenization_whisper import LANGUAGES, bytes_to_unicode

TEXT_TOKENS = 50_257  # Whisper's own number; the special tokens come after it
TIME_STAMPS = 1_501


def vocabulary():
    """Byte characters and pairs of them, then Whisper's special tokens in OpenAI's order."""
    characters = list(bytes_to_unicode().values())
    pairs = [(first, second) for first in characters for second in characters][: TEXT_TOKENS - len(characters)]
    text = characters + [first + second for first, second in pairs]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in list(LANGUAGES)[:99]), "<|translate|>"]
    special += ["<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special += [f"<|{index * 0.02:.2f}|>" for index in range(TIME_STAMPS)]
    return text, pairs, special


def tokenizer(text, pairs, special):
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={token: index for index, token in enumerate(text)}, merges=pairs))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens([tokenizers.AddedToken(token, special=True, normalized=False) for token in special])
    return made


def make(out):
    """Writes the converted model into the folder `out`, which is made."""
    text, pairs, special = vocabulary()
    number = {token: len(text) + index for index, token in enumerate(special)}
    end, start = number["<|endoftext|>"], number["<|startoftranscript|>"]
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        vocab_size=len(text) + len(special), d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=128, decoder_ffn_dim=128, pad_token_id=end, bos_token_id=end,
        eos_token_id=end, decoder_start_token_id=start, suppress_tokens=None, begin_suppress_tokens=None,
    )
    model = transformers.WhisperForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=end, pad_token_id=end, bos_token_id=end, decoder_start_token_id=start, is_multilingual=True,
        no_timestamps_token_id=number["<|notimestamps|>"], suppress_tokens=[], begin_suppress_tokens=[220, end],
        alignment_heads=[[1, 0]], lang_to_id={f"<|{code}|>": number[f"<|{code}|>"] for code in list(LANGUAGES)[:99]},
        task_to_id={task: number[f"<|{task}|>"] for task in ("transcribe", "translate")},
    )
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        transformers.WhisperFeatureExtractor().save_pretrained(folder)
        tokenizer(text, pairs, special).save(f"{folder}/tokenizer.json")
        pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps({
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
        }))
        converter = ctranslate2.converters.TransformersConverter(folder, copy_files=["tokenizer.json", "preprocessor_config.json"])
        converter.convert(out, force=True)


if __name__ == "__main__":
    make(sys.argv[1])
