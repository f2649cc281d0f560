// SPDX-License-Identifier: GPL-2.0-or-later
// The two languages of cpuid.
#include "xl/cfg/cpuid.hpp"

#include <gtest/gtest.h>

namespace xcp::xl::cfg {
namespace {

Cpuid text(const std::string& value, std::size_t warning_count = 0) {
  Warnings warnings;
  Cpuid cpuid = parse_cpuid_text(value, warnings);
  EXPECT_EQ(warnings.size(), warning_count) << value;
  return cpuid;
}

TEST(CpuidText, Flags) {
  const Cpuid cpuid = text("host,tm=0,sse3=1,avx512f=k,rdcl-no=1");
  ASSERT_EQ(cpuid.leaves.size(), 2u);
  EXPECT_EQ(cpuid.leaves[0].leaf, 1u);
  EXPECT_EQ(cpuid.leaves[0].edx, "xx0xxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
  EXPECT_EQ(cpuid.leaves[0].ecx, std::string(31, 'x') + "1");
  EXPECT_EQ(cpuid.leaves[1].leaf, 7u);
  EXPECT_EQ(cpuid.leaves[1].subleaf, 0u);
  EXPECT_EQ(cpuid.arch_capabilities, std::string(63, 'x') + "1");
  EXPECT_TRUE(text("host").empty());
}

TEST(CpuidText, Numbers) {
  EXPECT_EQ(text("host,proccount=3").leaves[0].ebx, "xxxxxxxx00000011xxxxxxxxxxxxxxxx");
  EXPECT_EQ(text("host,family=0x17").leaves[0].eax, "xxxx00001000xxxxxxxx1111xxxxxxxx");
  EXPECT_EQ(text("host,model=0x3a").leaves[0].eax, "xxxxxxxxxxxx0011xxxxxxxx1010xxxx");
  EXPECT_EQ(text("host,family=6,model=3,stepping=2").leaves[0].eax,
            "xxxx000000000000xxxx011000110010");
}

TEST(CpuidText, WhatIsWrongEndsIt) {
  EXPECT_TRUE(text("foo", 1).empty());
  EXPECT_TRUE(text("", 1).empty());
  EXPECT_TRUE(text("host,foo=1,sse3=1", 1).empty());
  EXPECT_TRUE(text("host,tm", 1).empty());
  EXPECT_EQ(text("host,sse3=1,foo=1", 1).leaves.size(), 1u);
  EXPECT_FALSE(text("host,tm=", 1).leaves.at(0).edx);
  EXPECT_FALSE(text("host,rdcl-no=7", 1).arch_capabilities);
}

TEST(CpuidLines, Registers) {
  Warnings warnings;
  const std::string bits(32, '0');
  const Cpuid cpuid = parse_cpuid_lines(
      {"0x1:ecx=" + bits + ", eax=" + bits, "7,0:ebx=" + bits, "1:edx=" + bits}, warnings);
  EXPECT_TRUE(warnings.empty());
  ASSERT_EQ(cpuid.leaves.size(), 2u);
  EXPECT_EQ(cpuid.leaves[0].ecx, bits);
  EXPECT_EQ(cpuid.leaves[0].edx, bits);
  EXPECT_EQ(cpuid.leaves[1].subleaf, 0u);
}

TEST(CpuidLines, WhatIsWrongIsTold) {
  for (const char* line : {"zz", "1", "1,x:eax=0", "1:foo=0", "1:eax=0", "1:eax", ":", ""}) {
    Warnings warnings;
    parse_cpuid_lines({line}, warnings);
    EXPECT_EQ(warnings.size(), 1u) << line;
  }
}

}  // namespace
}  // namespace xcp::xl::cfg
