// SPDX-License-Identifier: GPL-2.0-or-later
// Components, numbers and lists of CPUs.
#include "xl/cfg/components.hpp"

#include "refused.hpp"
#include "xl/cfg/cpus.hpp"
#include "xl/cfg/reader.hpp"

namespace xcp::xl::cfg {
namespace {

TEST(Components, Split) {
  EXPECT_EQ(split("", ','), Texts{});
  EXPECT_EQ(split("a", ','), Texts{"a"});
  EXPECT_EQ(split(",a,,b,", ','), (Texts{"", "a", "", "b", ""}));
}

TEST(Components, KeysAndValues) {
  const auto parts = components(" a = 1 ,, flag,b=x=y ");
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].key, "a");
  EXPECT_EQ(parts[0].value, "1");
  EXPECT_FALSE(parts[1].value);
  EXPECT_EQ(parts[2].value, "x=y");
}

TEST(Numbers, AsInC) {
  EXPECT_EQ(number_of("12"), 12);
  EXPECT_EQ(number_of("0x1f"), 31);
  EXPECT_EQ(number_of("010"), 8);
  EXPECT_EQ(number_of("-5"), -5);
  EXPECT_EQ(number_of(""), std::nullopt);
  EXPECT_EQ(number_of("12abc"), std::nullopt);
  EXPECT_EQ(number_of("08"), std::nullopt);
  bool too_large = false;
  EXPECT_EQ(number_of("12x", &too_large), std::nullopt);
  EXPECT_FALSE(too_large);
  EXPECT_EQ(number_of("99999999999999999999", &too_large), std::nullopt);
  EXPECT_TRUE(too_large);
}

TEST(Cpus, Lists) {
  const HostCpus host{8, {0, 0, 0, 0, 1, 1, 1, 1}, 2};
  const auto cpus = [&](const std::string& text) { return parse_cpus(text, host, "cpus"); };
  EXPECT_EQ(cpus("0-3"), (Bits{0, 1, 2, 3}));
  EXPECT_EQ(cpus("0-3,^1"), (Bits{0, 2, 3}));
  EXPECT_EQ(cpus("all,^0-5"), (Bits{6, 7}));
  EXPECT_EQ(cpus("node:1"), (Bits{4, 5, 6, 7}));
  EXPECT_EQ(cpus("nodes:0-1,^node:0"), (Bits{4, 5, 6, 7}));
  EXPECT_EQ(cpus(" 5 , 3"), (Bits{3, 5}));
  EXPECT_EQ(cpus("6-20"), (Bits{6, 7}));
  EXPECT_NE(refused([&] { cpus("0-3,foo"); }).find("`foo' is not a list of CPUs"),
            std::string::npos);
  EXPECT_NE(refused([&] { cpus("^1"); }).find("no CPU of this host"), std::string::npos);
  EXPECT_NE(refused([&] { cpus("3-1"); }).find("`3-1'"), std::string::npos);
  EXPECT_NE(refused([&] { cpus("9"); }).find("no CPU of this host"), std::string::npos);
}

}  // namespace
}  // namespace xcp::xl::cfg
