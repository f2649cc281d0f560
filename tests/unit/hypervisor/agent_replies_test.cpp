// SPDX-License-Identifier: GPL-2.0-or-later
// What agents answer, honest and hostile ones.
#include "hypervisor/libvirt/agent_replies.hpp"

#include <gtest/gtest.h>

namespace xcp::hypervisor::libvirt {
namespace {

using Texts = std::map<std::string, std::string>;
const Texts two_nics{{"52:54:00:00:00:01", "0"}, {"52:54:00:00:00:02", "3"}};

std::string interface(const std::string& mac, const std::string& addresses) {
  return R"({"name":"eth","hardware-address":")" + mac + R"(","ip-addresses":[)" + addresses + "]}";
}
std::string address(const std::string& type, const std::string& text) {
  return R"({"ip-address-type":")" + type + R"(","ip-address":")" + text + R"(","prefix":24})";
}

TEST(AgentReplies, AnHonestGuest) {
  AgentReplies replies;
  replies.info = R"({"return":{"version":"7.2.22","supported_commands":[]}})";
  replies.os =
      R"~({"return":{"name":"Debian GNU/Linux","pretty-name":"Debian GNU/Linux 12 (bookworm)",
    "version-id":"12.5","id":"debian","kernel-release":"6.1.0-18-amd64","machine":"x86_64"}})~";
  replies.host_name = R"({"return":{"host-name":"web"}})";
  replies.interfaces =
      R"({"return":[)" + interface("00:00:00:00:00:00", address("ipv4", "127.0.0.1")) + "," +
      interface("52:54:00:00:00:02",
                address("ipv6", "fe80::1") + "," + address("ipv4", "10.0.0.7") + "," +
                    address("ipv4", "10.0.0.8") + "," + address("ipv6", "2001:db8::7")) +
      "," + R"({"name":"eth0","hardware-address":"52:54:00:00:00:01"})" + "]}";
  const GuestFacts facts = read_agent(replies, two_nics);
  EXPECT_TRUE(facts.agent_alive);
  EXPECT_EQ(facts.agent_version, "7.2.22");
  EXPECT_EQ(facts.os_version, (Texts{{"name", "Debian GNU/Linux 12 (bookworm)"},
                                     {"distro", "debian"},
                                     {"major", "12"},
                                     {"minor", "5"},
                                     {"uname", "6.1.0-18-amd64"}}));
  EXPECT_EQ(facts.other, (Texts{{"hostname", "web"}}));
  EXPECT_EQ(facts.networks, (Texts{{"3/ip", "10.0.0.7"},
                                   {"3/ipv4/0", "10.0.0.7"},
                                   {"3/ipv4/1", "10.0.0.8"},
                                   {"3/ipv6/0", "fe80::1"},
                                   {"3/ipv6/1", "2001:db8::7"}}));
}

TEST(AgentReplies, MacsMatchInAnyCase) {
  AgentReplies replies;
  replies.interfaces =
      R"({"return":[)" + interface("AA:BB:CC:DD:EE:FF", address("ipv4", "10.0.0.9")) + "]}";
  EXPECT_EQ(read_agent(replies, {{"aa:bb:cc:dd:ee:ff", "1"}}).networks.at("1/ip"), "10.0.0.9");
}

TEST(AgentReplies, WrongShapesAreDropped) {
  for (const char* text :
       {"", "{", "[]", "null", "{\"return\":7}", "{\"return\":[7,null,[]]}", "{\"error\":{}}",
        "{\"return\":{\"version\":7}}",
        "{\"return\":[{\"hardware-address\":\"52:54:00:00:00:01\","
        "\"ip-addresses\":{}}]}",
        "{\"return\":{\"host-name\":\"\\ud800\"}}", "{\"return\":{\"id\":\"a\\u0000b\"}}",
        "{\"return\":{\"host-name\":\"\xff\xfe\"}}",
        "{\"return\":{\"host-name\":\"two\\nlines\"}}"}) {
    const GuestFacts facts = read_agent({text, text, text, text}, two_nics);
    EXPECT_TRUE(facts.os_version.empty()) << text;
    EXPECT_TRUE(facts.networks.empty()) << text;
    EXPECT_TRUE(facts.other.empty()) << text;
    EXPECT_TRUE(facts.agent_version.empty()) << text;
  }
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "[";
  EXPECT_TRUE(read_agent({deep, deep, deep, deep}, two_nics).networks.empty());
}

TEST(AgentReplies, SizesAreBounded) {
  Texts many;
  std::string interfaces;
  for (int nic = 0; nic < 200; ++nic) {
    const std::string mac = "nic" + std::to_string(nic);
    many[mac] = std::to_string(nic);
    std::string addresses;
    for (int i = 0; i < 500; ++i)
      addresses += (i != 0 ? "," : "") + address("ipv4", std::string(900, 'a'));
    interfaces += (nic != 0 ? "," : "") + interface(mac, addresses);
    if (interfaces.size() > 900000) break;
  }
  AgentReplies replies;
  replies.interfaces = R"({"return":[)" + interfaces + "]}";
  replies.host_name = R"({"return":{"host-name":")" + std::string(2000, 'h') + "\"}}";
  const GuestFacts facts = read_agent(replies, many);
  std::size_t size = 0;
  for (const auto& [key, value] : facts.networks) size += key.size() + value.size();
  EXPECT_GT(size, 10000u);
  EXPECT_LE(size, guest_text_limit);
  EXPECT_TRUE(facts.other.empty()) << "a host name of 2000 letters";
  replies.interfaces.insert(1, std::string(1 << 21, ' '));
  EXPECT_TRUE(read_agent(replies, many).networks.empty()) << "a reply of two megabytes";
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
