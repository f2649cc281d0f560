// SPDX-License-Identifier: GPL-2.0-or-later
// The two languages of `cpuid`: a text "host,flag=value,..." and a list of
// "leaf[,subleaf]:register=32 characters,...". Pure. What is wrong is a warning, and what was read
// before it counts, as in every xl.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xl/cfg/domain.hpp"
#include "xl/cfg/reader.hpp"

namespace xcp::xl::cfg {

struct CpuidFlag {
  enum class Where { eax, ebx, ecx, edx, msr };
  const char* name;
  std::uint32_t leaf;  // or the MSR's number
  int subleaf;         // -1: none
  Where where;
  int bit;
  int length;  // 1: one bit with a value 0 1 x k s; else a number
};
const CpuidFlag* find_cpuid_flag(std::string_view name);

Cpuid parse_cpuid_text(const std::string& text, Warnings& warnings);
Cpuid parse_cpuid_lines(const std::vector<std::string>& lines, Warnings& warnings);

}  // namespace xcp::xl::cfg
