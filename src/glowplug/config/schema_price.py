"""What the file says of prices; a part of the tree in `glowplug.config.schema_models`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from glowplug.config.kinds import DurationOrZero, Usd


class PriceTier(Struct, frozen=True, kw_only=True):
    """Other rates for the whole request once its prompt is longer than `above` tokens."""

    above: Annotated[int, Meta(ge=1, le=1_000_000_000, description="Tokens of the prompt.", examples=[200_000])]
    prompt: Annotated[Usd, Meta(description="Of the prompt.", examples=[6.00])] = 0
    completion: Annotated[Usd, Meta(description="Of the answer, thinking included.", examples=[22.50])] = 0
    cached: Annotated[Usd | None, Meta(description="Of the prompt's part from a cache; else as `prompt`.")] = None
    cache_written: Annotated[Usd | None, Meta(description="Of the part put into a cache; else as `prompt`.")] = None
    prompt_audio: Annotated[Usd | None, Meta(description="Of audio in the prompt; else as `prompt`.")] = None
    completion_audio: Annotated[Usd | None, Meta(description="Of audio in the answer; else as `completion`.")] = None


class PriceHours(Struct, frozen=True, kw_only=True):
    """Other rates for requests that begin between two hours of the day, over midnight when `end` is the smaller one."""

    start: Annotated[DurationOrZero, Meta(description="Since midnight UTC.", examples=["16h30m"])]
    end: Annotated[DurationOrZero, Meta(description="Since midnight UTC.", examples=["30m"])]
    prompt: Annotated[Usd, Meta(description="Of the prompt.", examples=[6.00])] = 0
    completion: Annotated[Usd, Meta(description="Of the answer, thinking included.", examples=[22.50])] = 0
    cached: Annotated[Usd | None, Meta(description="Of the prompt's part from a cache; else as `prompt`.")] = None
    cache_written: Annotated[Usd | None, Meta(description="Of the part put into a cache; else as `prompt`.")] = None
    prompt_audio: Annotated[Usd | None, Meta(description="Of audio in the prompt; else as `prompt`.")] = None
    completion_audio: Annotated[Usd | None, Meta(description="Of audio in the answer; else as `completion`.")] = None
    tiers: Annotated[tuple[PriceTier, ...], Meta(description="As above.")] = ()


class ModelPrice(Struct, frozen=True, kw_only=True):
    """What a model costs, in US dollars for a million tokens; exact to nine digits after the point."""

    prompt: Annotated[Usd, Meta(description="Of the prompt.", examples=[3.00])] = 0
    completion: Annotated[Usd, Meta(description="Of the answer, thinking included.", examples=[15.00])] = 0
    cached: Annotated[
        Usd | None, Meta(description="Of the prompt's part from a cache; else as `prompt`.", examples=[0.30])
    ] = None
    cache_written: Annotated[
        Usd | None, Meta(description="Of the part put into a cache; else as `prompt`.", examples=[3.75])
    ] = None
    prompt_audio: Annotated[Usd | None, Meta(description="Of audio in the prompt; else as `prompt`.")] = None
    completion_audio: Annotated[Usd | None, Meta(description="Of audio in the answer; else as `completion`.")] = None
    request: Annotated[Usd, Meta(description="Dollars for each request that is answered.", examples=[0.005])] = 0
    tiers: Annotated[
        tuple[PriceTier, ...], Meta(description="For long prompts: `above` (tokens) and rates as here.")
    ] = ()
    hours: Annotated[
        tuple[PriceHours, ...],
        Meta(description="For other hours of the day: `start` and `end` (since midnight UTC) and rates as here."),
    ] = ()
