#!/usr/bin/python3
"""Trains a small transformer on characters while some of the workers lie: once with DETOX, once with a mean over the workers.

Each run's directory is below output/character-transformer.
"""
import argparse
import pathlib

import detoxml as detox
import torch
from torch import nn

CONTEXT, WIDTH, HEADS, LAYERS = 48, 64, 4, 2
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Characters(torch.utils.data.Dataset):
    """Pieces of a text: CONTEXT characters each, and the one behind them."""

    def __init__(self, text):
        self.characters = sorted(set(text))
        numbers = {character: number for number, character in enumerate(self.characters)}
        self.tokens = torch.tensor([numbers[character] for character in text])

    def __len__(self):
        return (len(self.tokens) - 1) // CONTEXT

    def __getitem__(self, piece):
        return self.tokens[piece * CONTEXT : (piece + 1) * CONTEXT + 1]


class Transformer(nn.Module):
    """Says for each character what comes next; the weights of the first layer are those of the last one, too."""

    def __init__(self, characters):
        super().__init__()
        self.token = nn.Embedding(characters, WIDTH)
        self.place = nn.Embedding(CONTEXT, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.1, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.next = nn.Linear(WIDTH, characters, bias=False)
        nn.init.normal_(self.token.weight, std=0.02)
        self.next.weight = self.token.weight
        self.register_buffer("later", torch.ones(CONTEXT, CONTEXT, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.token(tokens) + self.place.weight[:length]
        return self.next(self.norm(self.layers(x, mask=self.later[:length, :length])))

    @torch.no_grad()
    def write(self, tokens, count):
        self.eval()
        for _ in range(count):
            logits = self(tokens[None, -CONTEXT:])[0, -1]
            tokens = torch.cat([tokens, torch.multinomial((logits / 0.7).softmax(0), 1)])
        return tokens


def loss(model, batch):
    return nn.functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="?", type=int, default=200, help="of each training, from 1 (default: 200)")
    parser.add_argument("text", nargs="*", type=pathlib.Path, default=sorted((ROOT / "docs").glob("*.md")),
                        help="files (default: the pages of docs/)")
    given = parser.parse_args()
    if given.steps < 1:
        parser.error(f"{given.steps} steps; valid: 1 or more")
    text = "".join(file.read_text(encoding="utf-8") for file in given.text)
    data = Characters(text.encode("ascii", "ignore").decode())
    print(f"{len(data)} pieces of {CONTEXT} of {len(data.characters)} characters")
    for name, defence in (("detox", {"approach": "detox"}), ("mean", {"approach": "baseline", "mode": "normal"})):
        torch.manual_seed(1)
        model = Transformer(len(data.characters))
        losses = []
        try:
            detox.train(model=model, data=data, loss=loss, **defence, workers=15, worker_fail=2, err_mode="rev_grad", adversarial=-10,
                              global_batch=80, lr=0.3, max_steps=given.steps, train_dir=f"output/character-transformer/{name}",
                              overwrite=True, progress=lambda step: losses.append(step["loss"]))
        except detox.Error as error:  # as a mean may end
            print(error)
        print(f"{name}: loss {losses[0]:.2f} in step 1, {losses[-1]:.2f} in step {len(losses)}")
        if name == "detox":
            torch.manual_seed(1)
            written = model.write(data[0][:CONTEXT], 160)
            print("".join(data.characters[token] for token in written.tolist()))


if __name__ == "__main__":
    main()
