// SPDX-License-Identifier: GPL-2.0-or-later
// See cpuid.hpp. A register's text has bit 31 first.
#include "xl/cfg/cpuid.hpp"

#include <fmt/format.h>

#include <charconv>

#include "xl/cfg/components.hpp"

namespace xcp::xl::cfg {

namespace {

CpuidLeaf& leaf_of(Cpuid& cpuid, std::uint32_t number, std::optional<std::uint32_t> subleaf) {
  for (CpuidLeaf& leaf : cpuid.leaves)
    if (leaf.leaf == number && leaf.subleaf == subleaf) return leaf;
  cpuid.leaves.emplace_back().leaf = number;
  cpuid.leaves.back().subleaf = subleaf;
  return cpuid.leaves.back();
}

Text& register_of(Cpuid& cpuid, const CpuidFlag& flag) {
  if (flag.where == CpuidFlag::Where::msr) return cpuid.arch_capabilities;
  CpuidLeaf& leaf =
      leaf_of(cpuid, flag.leaf,
              flag.subleaf < 0 ? std::nullopt : std::optional<std::uint32_t>(flag.subleaf));
  switch (flag.where) {
    case CpuidFlag::Where::eax:
      return leaf.eax;
    case CpuidFlag::Where::ebx:
      return leaf.ebx;
    case CpuidFlag::Where::ecx:
      return leaf.ecx;
    case CpuidFlag::Where::edx:
    case CpuidFlag::Where::msr:
      break;
  }
  return leaf.edx;
}

// The number at the start of the text, whatever follows it.
std::optional<std::uint64_t> leading_number(const std::string& text) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const char* first = text.data() + (hexadecimal ? 2 : 0);
  std::uint64_t number = 0;
  const auto result =
      std::from_chars(first, text.data() + text.size(), number, hexadecimal ? 16 : 10);
  return result.ec == std::errc() ? std::optional(number) : std::nullopt;
}

bool is_policy(char c) {
  return c == '0' || c == '1' || c == 'x' || c == 'k' || c == 's';
}

void put_bits(std::string& bits, int bit, int length, std::uint64_t number) {
  for (int i = 0; i < length; ++i)
    bits[bits.size() - 1 - static_cast<std::size_t>(bit + i)] = (number >> i & 1) ? '1' : '0';
}

void put_letter(std::string& bits, int bit, int length, char letter) {
  for (int i = 0; i < length; ++i)
    bits[bits.size() - 1 - static_cast<std::size_t>(bit + i)] = letter;
}

// Family and model have their low four bits at one place and the rest at another; a family beyond
// 15 is the rest added to 15.
bool set_family_or_model(Cpuid& cpuid, const std::string& name, const std::string& value) {
  Text& eax = leaf_of(cpuid, 1, std::nullopt).eax;
  const auto number = leading_number(value);
  if (!number && (value.empty() || !is_policy(value[0]))) return false;
  if (!eax) eax = std::string(32, 'x');
  if (name == "model") {
    if (number) {
      put_bits(*eax, 4, 4, *number & 0xf);
      put_bits(*eax, 16, 4, *number >> 4 & 0xf);
    } else {
      put_letter(*eax, 4, 4, value[0]);
      put_letter(*eax, 16, 4, value[0]);
    }
    return true;
  }
  const std::uint64_t family = number.value_or(0) & 0xff;
  const std::uint64_t base = std::min<std::uint64_t>(family, 15);
  put_bits(*eax, 20, 8, family - base);
  if (number)
    put_bits(*eax, 8, 4, base);
  else
    put_letter(*eax, 8, 4, value[0]);
  return true;
}

bool set_flag(Cpuid& cpuid, const CpuidFlag& flag, const std::string& value) {
  Text& bits = register_of(cpuid, flag);
  const bool letter = !value.empty() && is_policy(value[0]) && (flag.length == 1 || value[0] > '9');
  const auto number = leading_number(value);
  if (!letter && (!number || flag.where == CpuidFlag::Where::msr)) return false;
  if (!bits) bits = std::string(flag.where == CpuidFlag::Where::msr ? 64 : 32, 'x');
  // "0x..." after a one-bit flag is a number, of which the lowest bit counts; so does "10".
  if (number && flag.where != CpuidFlag::Where::msr)
    put_bits(*bits, flag.bit, flag.length, *number);
  else
    put_letter(*bits, flag.bit, flag.length, value[0]);
  return true;
}

// The number up to `end`; nullopt when that is not all.
std::optional<std::uint32_t> leaf_number(const std::string& text) {
  std::uint32_t number = 0;
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const char* first = text.data() + (hexadecimal ? 2 : 0);
  const char* last = text.data() + text.size();
  const auto result = std::from_chars(first, last, number, hexadecimal ? 16 : 10);
  return result.ec == std::errc() && result.ptr == last ? std::optional(number) : std::nullopt;
}

// What is wrong with the line; empty when it was read.
std::string read_line(Cpuid& cpuid, const std::string& line) {
  const auto colon = line.find(':');
  const std::string head = line.substr(0, colon);
  const auto comma = head.find(',');
  const auto number = leaf_number(head.substr(0, comma));
  if (!number) return "the leaf is not a number";
  std::optional<std::uint32_t> subleaf;
  if (comma != head.npos && !(subleaf = leaf_number(head.substr(comma + 1))))
    return "the subleaf is not a number";
  if (colon == line.npos) return "a colon is missing after the leaf";
  CpuidLeaf& leaf = leaf_of(cpuid, *number, subleaf);
  for (const std::string& part : split(line.substr(colon + 1), ',')) {
    const std::string assignment = trimmed(part);
    const std::string name = assignment.substr(0, assignment.find('='));
    Text* bits = name == "eax"   ? &leaf.eax
                 : name == "ebx" ? &leaf.ebx
                 : name == "ecx" ? &leaf.ecx
                 : name == "edx" ? &leaf.edx
                                 : nullptr;
    if (!bits) return fmt::format("`{}' is not eax, ebx, ecx or edx", name);
    const std::string policy = assignment.substr(std::min(name.size() + 1, assignment.size()));
    if (policy.size() != 32) return fmt::format("`{}' is not 32 characters long", policy);
    *bits = policy;
  }
  return {};
}

}  // namespace

Cpuid parse_cpuid_text(const std::string& text, Warnings& warnings) {
  Cpuid cpuid;
  const std::vector<std::string> parts = split(text, ',');
  if (parts.empty() || parts[0] != "host") {
    warnings.push_back(fmt::format("cpuid: `{}' does not begin with host; ignored", text));
    return cpuid;
  }
  const auto warn = [&](const std::string& part, const char* problem) {
    warnings.push_back(
        fmt::format("cpuid: {} in `{}'; it and what follows are ignored", problem, part));
  };
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    if (equals == parts[i].npos) return warn(parts[i], "`=' is missing"), cpuid;
    const std::string name = parts[i].substr(0, equals);
    const std::string value = parts[i].substr(equals + 1);
    const CpuidFlag* flag = find_cpuid_flag(name);
    const bool split_number = name == "family" || name == "model";
    if (!flag && !split_number) return warn(parts[i], "there is no such flag"), cpuid;
    if (!(split_number ? set_family_or_model(cpuid, name, value) : set_flag(cpuid, *flag, value)))
      return warn(parts[i], "the value is not one of 0 1 x k s, nor a number"), cpuid;
  }
  return cpuid;
}

Cpuid parse_cpuid_lines(const std::vector<std::string>& lines, Warnings& warnings) {
  Cpuid cpuid;
  for (const std::string& line : lines)
    if (const std::string problem = read_line(cpuid, line); !problem.empty())
      warnings.push_back(fmt::format("cpuid: `{}': {}", line, problem));
  return cpuid;
}

}  // namespace xcp::xl::cfg
