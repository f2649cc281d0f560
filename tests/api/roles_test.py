# SPDX-License-Identifier: GPL-2.0-or-later
# Roles, walked from the data model: every message is called by a user of every role. Who lacks the
# role is refused before anything else is looked at; who has it gets any other answer.
import re
import unittest

from host import ROLE_USERS, TOP, ApiError, Host, World

ROLES = ("pool-admin", "pool-operator", "vm-power-admin", "vm-admin", "vm-operator", "client-cert", "read-only")
LINE = re.compile(r"^(\S+?)\((.*)\) -> (.+?) (>=\S+|none)((?: \S+)*)$")
# Ending the session the test needs, or waiting for events, is tested elsewhere.
LEFT_OUT = {"session.logout", "session.local_logout", "event.from", "event.next", "session.login_with_password",
            "session.slave_local_login_with_password", "session.slave_login", "session.slave_local_login",
            "session.logout_subject_identifier"}


def messages():
    text = (TOP / "tests/golden/datamodel/methods.txt").read_text()
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        name, params, _, roles, flags = match.groups()
        flags = flags.split()
        if "removed" in flags or name in LEFT_OUT:
            continue
        depth = count = 0
        for character in params:
            depth += {"(": 1, ")": -1}.get(character, 0)
            count += character == "," and depth == 0
        yield name, (count + 1 if params.strip() else 0), roles, flags


def has_role(role, roles):
    if roles == "none":
        return False
    names = roles[2:].split("+")
    return role in names[1:] or ROLES.index(role) <= ROLES.index(names[0])


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host().start()
        cls.addClassCleanup(cls.host.close)
        World(cls.host)
        root = cls.host.client()
        roles = {record["name_label"]: ref for ref, record in root.call("role.get_all_records").items()}
        for user in ROLE_USERS:
            subject = root.call("subject.create", {"subject_identifier": user, "other_config": {}})
            for given in root.call("subject.get_roles", subject):
                root.call("subject.remove_from_roles", subject, given)
            root.call("subject.add_to_roles", subject, roles[user])

    def test_every_call_by_every_role(self):
        wrong = []
        calls = 0
        for user in ROLE_USERS:
            client = self.host.client(user, tls=True)
            for name, count, roles, flags in messages():
                calls += 1
                try:
                    client.call(name, *["OpaqueRef:no-such-object"] * count)
                    answer = "success"
                except ApiError as error:
                    answer = error.code
                denied = answer == "RBAC_PERMISSION_DENIED"
                allowed = has_role(user, roles) and "pool-internal" not in flags
                if denied == allowed:
                    wrong.append(f"{user} {name} ({roles}): {answer}")
        self.assertGreater(calls, 10000)
        self.assertEqual(wrong, [])

    def test_a_user_without_subject_may_not_enter(self):
        with self.assertRaises(ApiError) as caught:
            self.host.client("stranger", tls=True)
        self.assertEqual(caught.exception.code, "SESSION_AUTHORIZATION_FAILED")

    def test_a_wrong_password_may_not_enter(self):
        from host import Client
        with self.assertRaises(ApiError) as caught:
            Client(self.host, tls=True).login("root", "wrong")
        self.assertEqual(caught.exception.code, "SESSION_AUTHENTICATION_FAILED")


if __name__ == "__main__":
    unittest.main()
