// SPDX-License-Identifier: GPL-2.0-or-later
// See cpus.hpp.
#include "xl/cfg/cpus.hpp"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "xl/cfg/components.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

std::optional<std::int64_t> natural(const std::string& text) {
  std::int64_t number = 0;
  const char* last = text.data() + text.size();
  const auto result = std::from_chars(text.data(), last, number);
  if (result.ec != std::errc() || result.ptr != last || number < 0) return std::nullopt;
  return number;
}

bool is_in(const Span& span, std::int64_t number) {
  return number >= span.first && number <= span.last;
}

std::int64_t node_of(const HostCpus& host, std::int64_t cpu) {
  const auto index = static_cast<std::size_t>(cpu);
  return index < host.node_of.size() ? host.node_of[index] : 0;
}

}  // namespace

std::optional<Span> span_of(const std::string& text) {
  const auto dash = text.find('-');
  const auto first = natural(text.substr(0, dash));
  const auto last = dash == text.npos ? first : natural(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Span{*first, *last};
}

Bits parse_cpus(const std::string& text, const HostCpus& host, const char* what) {
  std::set<std::int64_t> chosen;
  for (const std::string& part : split(text, ',')) {
    std::string range = trimmed(part);
    const bool take_away = range.starts_with('^');
    if (take_away) range.erase(0, 1);
    bool nodes = false;
    for (const char* prefix : {"nodes:", "node:"})
      if (range.starts_with(prefix)) {
        nodes = true;
        range.erase(0, range.find(':') + 1);
      }
    if (range.starts_with('^') && nodes) range.erase(0, 1);
    const auto span = range == "all" ? Span{0, host.cpus - 1} : span_of(range);
    if (!span)
      throw refusal(
          fmt::format("{}: `{}' is not a list of CPUs; expected all, N, N-M, node:N or "
                      "nodes:N-M, separated by commas, with ^ before what to leave out",
                      what, part));
    for (std::int64_t cpu = 0; cpu < host.cpus; ++cpu) {
      if (range != "all" && !is_in(*span, nodes ? node_of(host, cpu) : cpu)) continue;
      if (take_away)
        chosen.erase(cpu);
      else
        chosen.insert(cpu);
    }
  }
  if (chosen.empty())
    throw refusal(fmt::format("{}: no CPU of this host is left in `{}'", what, text));
  return {chosen.begin(), chosen.end()};
}

}  // namespace xcp::xl::cfg
