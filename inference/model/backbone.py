"""The transformer in which triplane tokens attend to image tokens to learn the object's shape."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention of (B, N, C) over a context (B, M, C'); fused kernel, no q/k/v bias."""

    def __init__(self, width: int, context_width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_width
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_k = nn.Linear(context_width, inner, bias=False)
        self.to_v = nn.Linear(context_width, inner, bias=False)
        # The second module is the dropout of the published code, which does nothing at inference.
        self.to_out = nn.Sequential(nn.Linear(inner, width))

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        query, key, value = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.to_q(tokens), self.to_k(context), self.to_v(context))
        )
        answer = F.scaled_dot_product_attention(query, key, value)
        mixed: Tensor = self.to_out(answer.transpose(1, 2).flatten(-2))
        return mixed


class GatedLinear(nn.Module):
    """GEGLU: half of the projection, gated by the GELU of the other half (Shazeer, 2020)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, tokens: Tensor) -> Tensor:
        value, gate = self.proj(tokens).chunk(2, dim=-1)
        gated: Tensor = value * F.gelu(gate)
        return gated


class FeedForward(nn.Module):
    """A gated layer four times as wide as the tokens, then a projection back to their width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # The identity replaces the published code's dropout, so that the keys agree.
        self.net = nn.Sequential(
            GatedLinear(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        changed: Tensor = self.net(tokens)
        return changed


class Block(nn.Module):
    """Self-attention, cross-attention to the image tokens, feed-forward; each pre-normalized."""

    def __init__(self, width: int, image_width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, width, heads, head_width)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, image_width, heads, head_width)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, tokens: Tensor, image_tokens: Tensor) -> Tensor:
        return self.ask(self.attend(tokens), image_tokens)

    def attend(self, tokens: Tensor) -> Tensor:
        """Return the tokens after self-attention, which does not depend on the image."""
        normed = self.norm1(tokens)
        attended: Tensor = tokens + self.attn1(normed, normed)
        return attended

    def ask(self, tokens: Tensor, image_tokens: Tensor) -> Tensor:
        """Apply the rest of the block: cross-attention and feed-forward."""
        tokens = tokens + self.attn2(self.norm2(tokens), image_tokens)
        changed: Tensor = tokens + self.ff(self.norm3(tokens))
        return changed


class Backbone(nn.Module):
    """From triplane tokens (B, C, N) and image tokens (B, M, C') to answered tokens (B, C, N)."""

    def __init__(
        self, channels: int, image_width: int, heads: int, head_width: int, blocks: int
    ) -> None:
        super().__init__()
        width = heads * head_width
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, width)
        self.transformer_blocks = nn.ModuleList(
            Block(width, image_width, heads, head_width) for _ in range(blocks)
        )
        self.proj_out = nn.Linear(width, channels)

    def begin(self, tokens: Tensor) -> Tensor:
        """Return the hidden tokens (B, N, W) after the first self-attention; it needs no image."""
        return self._first.attend(self._hidden(tokens))

    def forward(
        self,
        tokens: Tensor,
        image_tokens: Tensor,
        progress: Callable[[float], None],
        begun: Tensor | None = None,
    ) -> Tensor:
        """Answer the tokens; `begun`, the result of `begin`, saves the first self-attention."""
        progress(0.0)
        if begun is None:
            hidden = self._first(self._hidden(tokens), image_tokens)
        else:
            hidden = self._first.ask(begun, image_tokens)
        for number in range(1, len(self.transformer_blocks)):
            progress(number / len(self.transformer_blocks))
            hidden = self.transformer_blocks[number](hidden, image_tokens)
        answered: Tensor = tokens + self.proj_out(hidden).transpose(1, 2)
        return answered

    @property
    def _first(self) -> Block:
        block = self.transformer_blocks[0]
        assert isinstance(block, Block)
        return block

    def _hidden(self, tokens: Tensor) -> Tensor:
        hidden: Tensor = self.proj_in(self.norm(tokens).transpose(1, 2))
        return hidden
