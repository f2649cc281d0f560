// SPDX-License-Identifier: GPL-2.0-or-later
// Settings of the client: spelling, precedence of the sources, where a connection goes, and the
// opening request.
#include "xe/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/failure.hpp"

namespace xcp::xe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Sources plain() {
  Sources sources;
  sources.socket_path = "/run/test.sock";
  return sources;
}

Settings parse(const std::vector<std::string>& arguments, const Sources& sources = plain()) {
  return parse_options(arguments, sources);
}

const Target local_socket{Target::Kind::Unix, "/run/test.sock", 0};

TEST(XeOptions, DefaultsAreRootOnThisHost) {
  const Settings settings = parse({"vm-list"});
  EXPECT_EQ(settings.username, "root");
  EXPECT_EQ(settings.password, "null");
  EXPECT_THAT(settings.words, ElementsAre("vm-list"));
  EXPECT_THAT(server_targets(settings),
              ElementsAre(local_socket, Target{Target::Kind::Tcp, "127.0.0.1", 80}));
}

TEST(XeOptions, EverySpellingIsTakenOut) {
  const Settings a =
      parse({"-s", "h1", "-p", "8443", "-u", "me", "-pw", "x y", "--nossl", "--debug",
             "--debug-on-fail", "--traceparent", "00-1-2-01", "vm-list", "uuid=1"});
  const Settings b =
      parse({"server=h1", "vm-list", "port=8443", "username=me", "password=x y", "nossl=true",
             "uuid=1", "debug=true", "debugonfail=true", "traceparent=00-1-2-01"});
  for (const Settings& settings : {a, b}) {
    EXPECT_EQ(settings.server, "h1");
    EXPECT_EQ(settings.port, 8443);
    EXPECT_EQ(settings.username, "me");
    EXPECT_EQ(settings.password, "x y");
    EXPECT_TRUE(settings.nossl && settings.debug && settings.debug_on_fail);
    EXPECT_EQ(settings.traceparent, "00-1-2-01");
    EXPECT_THAT(settings.words, ElementsAre("vm-list", "uuid=1"));
  }
  EXPECT_EQ(parse({"-h", "h2", "x"}).server, "h2");
  EXPECT_EQ(parse({"-pwf", "f", "x"}).password_file, "f");
  EXPECT_EQ(parse({"passwordfile=f", "x"}).password_file, "f");
}

TEST(XeOptions, OtherWordsKeepTheirOrder) {
  EXPECT_THAT(parse({"a", "--minimal", "-u", "me", "b=c=d", "--force", "="}).words,
              ElementsAre("a", "--minimal", "b=c=d", "--force", "="));
}

TEST(XeOptions, SwitchWithoutValueIsLeftToTheServer) {
  EXPECT_THAT(parse({"vm-list", "-s"}).words, ElementsAre("vm-list", "-s"));
}

TEST(XeOptions, UsageAndVersion) {
  EXPECT_EQ(parse({}).action, Action::Usage);
  EXPECT_EQ(parse({"-s", "h"}).action, Action::Usage);
  EXPECT_EQ(parse({"--help"}).action, Action::Usage);
  EXPECT_EQ(parse({"vm-list", "-help"}).action, Action::Usage);
  EXPECT_EQ(parse({"-version"}).action, Action::Version);
  EXPECT_EQ(parse({"help"}).action, Action::Run);
}

TEST(XeOptions, BadPortIsAUsageError) {
  for (const char* port : {"x", "-1", "65536", "", "80x"}) {
    EXPECT_EQ(parse({"-p", port, "vm-list"}).action, Action::Usage) << port;
  }
  EXPECT_EQ(parse({"-p", "65535", "vm-list"}).port, 65535);
  EXPECT_EQ(parse({"-p", "0", "vm-list"}).port, 0);
}

TEST(XeOptions, CommandLineBeatsExtraArgsBeatsDefaultsFile) {
  Sources sources = plain();
  sources.defaults_file = "server=f\nusername=f\npassword=f\nport=1\n";
  sources.extra_args = "server=e,-u,e";
  const Settings settings = parse({"-s", "c", "x"}, sources);
  EXPECT_EQ(settings.server, "c");
  EXPECT_EQ(settings.username, "e");
  EXPECT_EQ(settings.password, "f");
  EXPECT_EQ(settings.port, 1);
}

TEST(XeOptions, LeftoverWordsOfAllSourcesInOrder) {
  Sources sources = plain();
  sources.defaults_file = "params=all\n";
  sources.extra_args = "--minimal,a=b";
  EXPECT_THAT(parse({"vm-list", "c=d"}, sources).words,
              ElementsAre("vm-list", "c=d", "--minimal", "a=b", "params=all"));
}

TEST(XeOptions, ExtraArgsSyntax) {
  EXPECT_THAT(split_extra_args("a,b=c,,d"), ElementsAre("a", "b=c", "d"));
  EXPECT_THAT(split_extra_args("a\\,b,c\\d\\"), ElementsAre("a,b", "cd"));
  EXPECT_THAT(split_extra_args(""), IsEmpty());
  EXPECT_THAT(split_extra_args(","), IsEmpty());
}

TEST(XeOptions, DefaultsFileSyntax) {
  EXPECT_THAT(*split_defaults_file("a=b\n\nc=d e\r\nf="), ElementsAre("a=b", "c=d e", "f="));
  EXPECT_EQ(split_defaults_file("a=b\nnonsense\n"), std::nullopt);
  Sources sources = plain();
  sources.defaults_file = "server=f\nnonsense";
  const Settings settings = parse({"x"}, sources);
  EXPECT_EQ(settings.server, "127.0.0.1");
  EXPECT_EQ(settings.warnings.size(), 1u);
}

TEST(XeOptions, TraceparentVariableIsBetweenCommandLineAndTheRest) {
  Sources sources = plain();
  sources.traceparent = "env";
  sources.extra_args = "traceparent=extra";
  EXPECT_EQ(parse({"x"}, sources).traceparent, "env");
  EXPECT_EQ(parse({"x", "--traceparent", "cmd"}, sources).traceparent, "cmd");
}

TEST(XeOptions, PasswordFileReplacesBoth) {
  Settings settings = parse({"-u", "a", "-pw", "b", "-pwf", "f", "x"});
  apply_password_file(settings, "user\r\nsecret word\nrest\n");
  EXPECT_EQ(settings.username, "user");
  EXPECT_EQ(settings.password, "secret word");
  EXPECT_THROW(apply_password_file(settings, "user\n"), Failure);
}

TEST(XeOptions, XapiVariablesAreTheWeakest) {
  Sources sources = plain();
  sources.xapi_url = "https://127.0.0.1:8443";
  sources.xapi_user = "u";
  sources.xapi_password = "p";
  const Settings settings = parse({"x"}, sources);
  EXPECT_THAT(server_targets(settings), ElementsAre(Target{Target::Kind::Tls, "127.0.0.1", 8443}));
  EXPECT_EQ(settings.username, "u");
  EXPECT_EQ(settings.password, "p");

  const Settings own_user = parse({"-u", "me", "-pw", "mine", "x"}, sources);
  EXPECT_EQ(own_user.username, "me");
  EXPECT_EQ(own_user.password, "mine");
  EXPECT_TRUE(own_user.url_target);

  const Settings other = parse({"-s", "elsewhere", "x"}, sources);
  EXPECT_EQ(other.username, "root");
  EXPECT_EQ(other.password, "null") << "the stand-alone password must not go to another host";
  EXPECT_THAT(server_targets(other), ElementsAre(Target{Target::Kind::Tls, "elsewhere", 443}));

  sources.defaults_file = "server=fromfile\n";
  EXPECT_EQ(parse({"x"}, sources).server, "fromfile");
}

TEST(XeOptions, XapiUrlForms) {
  EXPECT_EQ(parse_xapi_url("unix:///run/a b.sock"),
            (Target{Target::Kind::Unix, "/run/a b.sock", 0}));
  EXPECT_EQ(parse_xapi_url("https://h"), (Target{Target::Kind::Tls, "h", 443}));
  EXPECT_EQ(parse_xapi_url("https://[::1]:8443/"), (Target{Target::Kind::Tls, "::1", 8443}));
  EXPECT_EQ(parse_xapi_url("http://h:8080"), (Target{Target::Kind::Tcp, "h", 8080}));
  for (const char* bad : {"unix://", "https://", "ftp://h", "h", "https://h:x", "https://[::1"}) {
    EXPECT_THROW(parse_xapi_url(bad), Failure) << bad;
  }
}

TEST(XeOptions, TransportDependsOnTheTextOfTheServer) {
  const auto targets = [](std::vector<std::string> words) {
    words.push_back("x");
    return server_targets(parse(words));
  };
  EXPECT_THAT(targets({"-s", "localhost"}),
              ElementsAre(Target{Target::Kind::Tls, "localhost", 443}));
  EXPECT_THAT(targets({"-s", "h", "--nossl"}), ElementsAre(Target{Target::Kind::Tcp, "h", 80}));
  EXPECT_THAT(targets({"-s", "h", "-p", "99"}), ElementsAre(Target{Target::Kind::Tls, "h", 99}));
  EXPECT_THAT(targets({"-s", "[fe80::1]", "--nossl"}),
              ElementsAre(Target{Target::Kind::Tcp, "fe80::1", 80}));
  EXPECT_THAT(targets({"-p", "81"}),
              ElementsAre(local_socket, Target{Target::Kind::Tcp, "127.0.0.1", 81}));
}

TEST(XeOptions, HostsNamedByTheServer) {
  const Settings settings = parse({"-s", "h", "-p", "99", "x"});
  EXPECT_THAT(host_targets(settings, "m"), ElementsAre(Target{Target::Kind::Tls, "m", 99}));
  EXPECT_THAT(host_targets(settings, "m:7"), ElementsAre(Target{Target::Kind::Tls, "m", 7}));
  EXPECT_THAT(host_targets(settings, "[::2]"), ElementsAre(Target{Target::Kind::Tls, "::2", 99}));
  EXPECT_THAT(host_targets(settings, "fe80::2"),
              ElementsAre(Target{Target::Kind::Tls, "fe80::2", 99}));
  EXPECT_EQ(host_targets(settings, "127.0.0.1").front(), local_socket);
}

TEST(XeOptions, OpeningRequest) {
  Sources sources = plain();
  sources.baggage = "b=1";
  const Settings settings = parse({"vm-list", "a=b", "--traceparent", "t"}, sources);
  EXPECT_EQ(opening_request(settings),
            "POST /cli HTTP/1.0\r\nUser-agent: xe-cli/Unix/0.2\r\noriginator: cli\r\n"
            "traceparent: t\r\nbaggage: b=1\r\ncontent-length: 39\r\n\r\n"
            "vm-list\na=b\nusername=root\npassword=null");
  sources.stderr_is_terminal = true;
  EXPECT_THAT(opening_request(parse({"x"}, sources)), HasSubstr("\r\nx-xe-terminal: stderr\r\n"));
  EXPECT_THAT(opening_request(parse({"x"})), testing::Not(HasSubstr("terminal")));
  EXPECT_THAT(opening_request(parse({"x"})),
              testing::Not(testing::AnyOf(HasSubstr("traceparent"), HasSubstr("baggage"))));
}

TEST(XeOptions, WordsTheServerCannotTakeAreRefused) {
  EXPECT_THROW(parse({"vm-list", "a=b\nc=d"}), Failure);
  EXPECT_THROW(opening_request(parse({"x", std::string(204800, 'a')})), Failure);
}

}  // namespace
}  // namespace xcp::xe
