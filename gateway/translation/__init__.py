"""What dialects share when they translate: names, schemas, efforts, media, errors, losses.

Rule 1: nothing here knows a dialect; a dialect says what it allows, and asks.
Rule 2: the same input gives the same output, in every process: what is written under another name
is found again in the reply without any state.
Rule 3: what cannot be carried is named, in words of ours or of a vendor, never of the client.
Rule 4: only what is truly the same stands here; what is alike by chance stays with its dialect.
Rule 5: no error and no loss repeats a word of the request.
"""
