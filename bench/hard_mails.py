"""Mails made to hurt a parser: quadratic traps, depth, numbers."""

#: Each is to be read in less than a second and in 100 MB.
HARD = {
    "nested parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
    ),
    "nested mails": b"Content-Type: message/rfc822\n\n" * 3000,
    "parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000,
    "encoded words": b"Subject: " + b" ".join([b"=?utf-8?Q?=C3?=", b"=?utf-8?B?qQ==?="] * 8000),
    "unended words": b"Subject: " + b"=?utf-8?q?" * 16_000,
    "recipients": b"To: " + b",\n ".join(b'"N, %d" <a%d@x.org>' % (n, n) for n in range(20_000)),
    "raw recipients": b"To: " + b",".join([b"\xe9\xe8\xea <a@b>"] * 20_000),
    "comments": b"From: " + b"(a" * 1000 + b")" * 1000 + b" a@b",
    "open comments": b"From: " + b"(" * 100_000,
    "angles": b"From: " + b"<a" * 100_000,
    "spaces": b"Content-Type: text/plain; a=" + b" " * 500_000 + b"x",
    "parameters": b"Content-Type: text/plain; " + b"a " * 200_000,
    "carriage returns": b"Subject: a" + b"\r" * 500_000 + b"b\n\n" + b"\r" * 500_000 + b"x",
    "fields": b"A: b\n" * 100_000,
    "dashes": b"Content-Type: multipart/mixed\n\n" + b"--x" + b" " * 500_000 + b"y\n",
    "deep HTML": b"Content-Type: text/html\n\n" + b"<div>" * 100_000,
    "wide HTML": b"Content-Type: text/html\n\n" + b"<b>a</b>" * 100_000,
    "flowed": b"Content-Type: text/plain; format=flowed\n\n" + b"word \n" * 100_000,
    "uuencoded": b"\nbegin 644 a\n" + b"\n" * 500_000,
}
