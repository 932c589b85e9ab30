"""What a page shows, made by hand for tests of decisions."""

from __future__ import annotations

from autologin.login.snapshot import ButtonElement, InputElement, Snapshot


def field(label, kind="text", /, **more):
    plain = {
        "index": 0,
        "group": 0,
        "type": kind,
        "id": "",
        "name": "",
        "label": label,
        "near": "",
        "placeholder": "",
        "autocomplete": "",
        "maxlength": -1,
        "numeric": False,
        "enabled": True,
        "readonly": False,
        "filled": False,
        "css": (),
        "fixed": "",
        "masked": kind == "password",
    }
    return InputElement(**{**plain, **more})


def button(name, **more):
    plain = {
        "index": 9,
        "group": 0,
        "tag": "button",
        "submit": True,
        "enabled": True,
        "covered": False,
        "css": (),
    }
    return ButtonElement(**{**plain, "name": name, **more})


def page(*inputs, buttons=(), lines=(), title="Broker", path="/", **more):
    plain = {"groups": ("",), "alerts": (), "captcha": False}
    return Snapshot(
        **{
            **plain,
            "title": title,
            "path": path,
            "inputs": inputs,
            "buttons": buttons,
            "lines": lines,
            **more,
        }
    )
