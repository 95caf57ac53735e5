"""The configuration of a Dovecot that lives in one folder, as root or as any user."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

TEMPLATE = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
info_log_path = {folder}/dovecot.log
default_internal_user = {owners.internal}
default_internal_group = {owners.group}
default_login_user = {owners.login}
protocols = imap pop3
listen = 127.0.0.1
instance_name = {folder.name}
mail_location = maildir:~/Maildir
mail_uid = {owners.uid}
mail_gid = {owners.gid}
first_valid_uid = 0
first_valid_gid = 0
mail_privileged_group =
mail_fsync = never
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_verbose = yes
auth_failure_delay = 0
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_max_userip_connections = 50
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={owners.uid} gid={owners.gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
protocol imap {{
  rawlog_dir = {folder}/raw/%u
}}
pop3_logout_format = top=%t retr=%r del=%d
!include_try {folder}/more.conf
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {ports.imap}
  }}
  inet_listener imaps {{
    port = {ports.imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {ports.pop3}
  }}
  inet_listener pop3s {{
    port = {ports.pop3s}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  # Without this each failed login costs the next ones from 127.0.0.1 up to 15 s.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-urlauth-login {{
  chroot =
}}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens; IMAP and POP3 speak STARTTLS too."""

    imap: int
    imaps: int
    pop3: int
    pop3s: int

    def all(self) -> list[int]:
        """The four of them."""
        return [self.imap, self.imaps, self.pop3, self.pop3s]


@dataclass(frozen=True, slots=True)
class Owners:
    """Under which users the processes run and whose the mail is."""

    internal: str
    group: str
    login: str
    uid: int
    gid: int


def owners() -> Owners:
    """Dovecot refuses root for its login processes: as root the packaged users, else ourselves."""
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        return Owners("dovecot", "dovecot", "dovenull", nobody.pw_uid, nobody.pw_gid)
    me = pwd.getpwuid(os.getuid())
    group = grp.getgrgid(me.pw_gid).gr_name
    return Owners(me.pw_name, group, me.pw_name, me.pw_uid, me.pw_gid)


def configuration(folder: Path, ports: Ports, owners: Owners) -> str:
    """The text of dovecot.conf."""
    return TEMPLATE.format(folder=folder, ports=ports, owners=owners)
