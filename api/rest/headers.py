"""The headers of answers, and what they say."""

HEADERS = {
    "Accept-Ranges": "`bytes`: a part can be asked for with `Range`.",
    "Content-Disposition": "A name to save it by; a browser never shows it.",
    "Content-Range": "Which bytes these are, and of how many.",
    "ETag": "Names this state of the answer: send it back as `If-None-Match`.",
    "Location": "Where it is, for the next five minutes.",
    "Postroom-Left-Out": "Mails that are not in it, since their raw bytes are not held.",
    "Postroom-Mails": "How many mails are in it, if it comes to its end.",
    "Retry-After": "Seconds to wait.",
    "Vary": "The request's headers that the form of the answer hangs on.",
    "WWW-Authenticate": "`Bearer`",
    "X-Request-Id": "Names the request: the id that came with it, else a new one.",
}
