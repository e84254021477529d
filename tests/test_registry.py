"""Looking components up by name."""

from __future__ import annotations

import keras
import pytest

import multimodal_keras as mk


def test_an_instance_is_returned_as_it_is():
    fusion = mk.MeanFusion(width=3)
    assert mk.get(fusion, mk.Fusion) is fusion


@pytest.mark.oldest
def test_names_and_configs():
    assert mk.get("MeanFusion", mk.Fusion, width=3).width == 3
    assert mk.get({"class_name": "MeanFusion", "config": {"width": 3}}, mk.Fusion).width == 3
    assert mk.get({"class_name": "multimodal_keras>MeanFusion"}, mk.Fusion, width=3).width == 3
    config = {"class_name": "MeanFusion", "config": {"width": 3}}
    assert mk.get(config, mk.Fusion, width=5).width == 3
    assert mk.get(keras.saving.serialize_keras_object(mk.MeanFusion(width=3)), mk.Fusion).width == 3


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"Received 'MeanFusio'. Known names: .*ConcatFusion, .*MeanFusion"):
        mk.get("MeanFusio", mk.Fusion)
    with pytest.raises(ValueError, match=r"A Head is named by its class. Received 'MeanFusion'"):
        mk.get("MeanFusion", mk.Head)


@pytest.mark.parametrize("identifier", [3, None, {"config": {}}, mk.MeanFusion])
def test_what_is_no_identifier(identifier):
    with pytest.raises(TypeError, match=r"A Fusion is an instance, a class name or a config dict"):
        mk.get(identifier, mk.Fusion)


def test_an_instance_of_another_kind():
    with pytest.raises(TypeError, match=r"A Head is an instance, .* of type MeanFusion. Known names: Class"):
        mk.get(mk.MeanFusion(), mk.Head)


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        (
            {"confg": {"width": 3}},
            r"has a 'class_name' and a 'config' of arguments. Received .*'confg'.* Write \{'class_n",
        ),
        ({"config": 3}, r"a 'config' of arguments. Received .*3"),
        ({"config": {"width": "x"}}, r"^MeanFusion: width is at least 1, a whole number. Received 'x'. Change it.$"),
        ({"config": {"wdth": 3}}, r"^MeanFusion takes width.*Received the config \{'wdth': 3\}.*Correct it.$"),
    ],
)
def test_a_config_that_no_component_can_be_made_of(identifier, message):
    with pytest.raises(ValueError, match=message):
        mk.get({"class_name": "MeanFusion", **identifier}, mk.Fusion)
    assert mk.get({"class_name": "MeanFusion", "config": None}, mk.Fusion).width == mk.MeanFusion().width


def test_known_is_sorted_and_of_one_kind():
    names = mk.known(mk.Encoder)
    assert names == sorted(names)
    assert {"LSTMEncoder", "Conv2DEncoder"} <= set(names)
    assert "MeanFusion" not in names


def test_a_taken_name_is_refused_and_the_same_class_replaces_itself():
    taken = type("MeanFusion", (mk.Fusion,), {"__module__": "somewhere", "__qualname__": "MeanFusion"})
    with pytest.raises(ValueError, match=r"Received somewhere.MeanFusion, but .*mean.MeanFusion has the name"):
        mk.register(taken)
    assert mk.get("MeanFusion", mk.Fusion).__class__ is mk.MeanFusion

    def define():
        @mk.register
        class CellFusion(mk.Fusion):
            """As in a notebook cell that is run twice."""

        return CellFusion

    one, other = define(), define()
    assert one is not other
    assert mk.get("CellFusion", mk.Fusion).__class__ is other
