// SPDX-License-Identifier: GPL-2.0-or-later
// The syntax of network interfaces: every key.
#include "xl/cfg/network.hpp"

#include "refused.hpp"

namespace xcp::xl::cfg {
namespace {

Nic read(const std::string& text) {
  Warnings warnings;
  Nic nic = parse_nic(text, 3, warnings);
  EXPECT_TRUE(warnings.empty()) << warnings.at(0);
  return nic;
}

std::string warning_of(const std::string& text) {
  Warnings warnings;
  parse_nic(text, 0, warnings);
  return warnings.empty() ? "" : warnings[0];
}

TEST(Nic, PlainKeys) {
  const Nic nic = read(
      "mac=00:16:3e:AA:b:cc,bridge=br0,ip=10.0.0.1,script=s,backend=drv,vifname=v,model=e1000,"
      "gatewaydev=eth0,devid=4,mtu=9000,forwarddev=f");
  EXPECT_EQ(nic.mac, "00:16:3e:aa:0b:cc");
  EXPECT_EQ(nic.bridge, "br0");
  EXPECT_EQ(nic.ip, "10.0.0.1");
  EXPECT_EQ(nic.script, "s");
  EXPECT_EQ(nic.backend_domname, "drv");
  EXPECT_EQ(nic.ifname, "v");
  EXPECT_EQ(nic.model, "e1000");
  EXPECT_EQ(nic.gatewaydev, "eth0");
  EXPECT_EQ(nic.devid, 4);
  EXPECT_EQ(nic.mtu, 9000);
  EXPECT_EQ(nic.coloft_forwarddev, "f");
  EXPECT_EQ(read("").devid, 3);
  EXPECT_EQ(read(",bridge=br0,").bridge, "br0");
  EXPECT_EQ(read("mac=00-16-3e-11-22-33").mac, "00:16:3e:11:22:33");
}

TEST(Nic, TypesAndFlags) {
  EXPECT_EQ(read("type=ioemu").nictype, "vif_ioemu");
  EXPECT_EQ(read("type=vif").nictype, "vif");
  EXPECT_EQ(read("trusted").trusted, true);
  EXPECT_EQ(read("untrusted").trusted, false);
}

TEST(Nic, EveryColoKey) {
  EXPECT_EQ(colo_keys().size(), 48u);
  for (const char* key : colo_keys())
    EXPECT_EQ(read(std::string(key) + "=x").colo.at(key), "x") << key;
}

TEST(Nic, Rates) {
  const auto rate = [](const std::string& text) {
    std::int64_t bytes = 0, interval = 0;
    parse_rate(text, bytes, interval);
    return std::pair(bytes, interval);
  };
  using Pair = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(rate("10Mb/s"), Pair(62500, 50000));
  EXPECT_EQ(rate("250KB/s"), Pair(12500, 50000));
  EXPECT_EQ(rate("1MB/s@20ms"), Pair(20000, 20000));
  EXPECT_EQ(rate("10GB/s@1s"), Pair(10000000000, 1000000));
  EXPECT_EQ(rate("5B/s@1000us"), Pair(0, 1000));
  EXPECT_EQ(rate("8Kb/s"), Pair(50, 50000));
  for (const char* wrong : {"", "foo", "10MB", "10/s", "MB/s", "1XB/s", "1MB/s@", "1MB/s@0ms",
                            "1MB/s@5h", "999999999999999GB/s", "1MB/s@999999999s"})
    EXPECT_NE(refused([&] { rate(wrong); }).find("cannot be read"), std::string::npos) << wrong;
  EXPECT_EQ(read("rate=1MB/s@20ms").rate_bytes_per_interval, 20000);
}

TEST(Nic, WhatIsNotUnderstoodIsAWarning) {
  EXPECT_NE(warning_of("foo=bar").find("`foo=bar' is not understood"), std::string::npos);
  EXPECT_NE(warning_of("bar").find("`bar' is not understood"), std::string::npos);
  EXPECT_NE(warning_of("type=foo").find("`type=foo'"), std::string::npos);
  EXPECT_NE(warning_of("mac=zz").find("`mac=zz'"), std::string::npos);
  EXPECT_NE(warning_of("mac=00:16:3e:11:22:33:44").find("not understood"), std::string::npos);
  EXPECT_NE(warning_of("trusted=1").find("`trusted=1'"), std::string::npos);
  EXPECT_NE(warning_of("accel=1").find("accel"), std::string::npos);
  EXPECT_NE(warning_of("netdev=eth0").find("gatewaydev"), std::string::npos);
  EXPECT_NE(warning_of("vlan=5").find("4.18"), std::string::npos);
  EXPECT_NE(refused([] { warning_of("mtu=x"); }).find("mtu is a number"), std::string::npos);
}

}  // namespace
}  // namespace xcp::xl::cfg
