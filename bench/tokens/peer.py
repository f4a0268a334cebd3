"""Counts a text with PyPI tiktoken: peer.py <encoding> <vocabulary> <file> <turns>. Prints tokens and seconds."""

import base64
import pathlib
import sys
import time

import tiktoken
from tiktoken_ext import openai_public

encoding, vocabulary, file, turns = sys.argv[1:]


def ranks(*_, **__):
    """The vocabulary from a file instead of the network."""
    lines = pathlib.Path(vocabulary).read_bytes().split(b"\n")
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}


openai_public.load_tiktoken_bpe = ranks
counter = tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[encoding]())
text = pathlib.Path(file).read_text()
tokens, fastest = 0, float("inf")
for turn in range(int(turns)):
    start = time.perf_counter()
    tokens = len(counter.encode_ordinary(f"{turn} {text}"))
    fastest = min(fastest, time.perf_counter() - start)
print(tokens, fastest)
