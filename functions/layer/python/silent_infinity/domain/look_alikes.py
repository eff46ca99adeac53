"""Letters of other scripts that read as Latin ones."""

from typing import Final

LOOK_ALIKES: Final = str.maketrans(
    "абвгеһікӏмнорсѕтухјѵғԁԛԝүɑɡɩαβεικνορτυχωηγаᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢıłøđ",
    "abbrehiklmhopcstyxjvfdqwyagiabeiknoptuxwnyaabcdefghijklmnoprstuvwyzilod",
)
"""A table for `str.translate`, lower case. Whoever uses it leaves words alone that are wholly of another
script, so that a message in Russian or Greek stays one.
"""
