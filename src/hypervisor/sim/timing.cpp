// SPDX-License-Identifier: GPL-2.0-or-later
// See timing.hpp.
#include "hypervisor/sim/timing.hpp"

#include <boost/describe/enum_from_string.hpp>
#include <charconv>
#include <cmath>

#include "base/failure.hpp"

namespace xcp::hypervisor::sim {

namespace {

Failure invalid(const std::string& key, const std::string& text) {
  return Failure("INVALID_VALUE", {key, text});
}

}  // namespace

std::uint64_t mixed(std::uint64_t seed, std::string_view text, std::uint64_t number) {
  std::uint64_t state = seed + 0x9e3779b97f4a7c15u * (number + 1);
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  state ^= state >> 30;
  state *= 0xbf58476d1ce4e5b9u;
  state ^= state >> 27;
  state *= 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

double mixed_fraction(std::uint64_t seed, std::string_view text, std::uint64_t number) {
  return static_cast<double>(mixed(seed, text, number) >> 11) * 0x1p-53;
}

std::int64_t parse_whole(const std::string& key, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw invalid(key, text);
  return value;
}

double parse_real(const std::string& key, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0) ||
      !std::isfinite(value))
    throw invalid(key, text);
  return value;
}

bool parse_flag(const std::string& key, const std::string& text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  throw invalid(key, text);
}

Timing::Timing(std::uint64_t seed, double scale) : seed_(seed), scale_(scale) {
  const auto put = [&](Duration what, std::int64_t low_ms, std::int64_t high_ms) {
    ranges_[static_cast<std::size_t>(what)] = {low_ms, high_ms};
  };
  put(Duration::build, 120, 400);
  put(Duration::unpause, 5, 20);
  put(Duration::pause, 5, 20);
  put(Duration::reset, 10, 30);
  put(Duration::destroy, 40, 150);
  put(Duration::save, 800, 2000);
  put(Duration::restore, 600, 1500);
  put(Duration::checkpoint, 300, 900);
  put(Duration::migrate, 800, 3000);
  put(Duration::plug, 40, 150);
  put(Duration::unplug, 60, 250);
  put(Duration::resize, 5, 30);
  put(Duration::boot, 6000, 12000);
  put(Duration::agent, 1500, 4000);
  put(Duration::shutdown, 2500, 7000);
  put(Duration::reboot, 2500, 6000);
  put(Duration::balloon, 300, 1500);
  put(Duration::unplug_timeout, 5000, 5000);
}

void Timing::set(const std::string& name, const std::string& text) {
  const std::string key = "timing." + name;
  const auto dots = text.find("..");
  Range range{};
  try {
    range.low_ms = parse_whole(key, text.substr(0, dots));
    range.high_ms =
        dots == std::string::npos ? range.low_ms : parse_whole(key, text.substr(dots + 2));
  } catch (const Failure&) {
    throw invalid(key, text);
  }
  if (range.high_ms < range.low_ms) throw invalid(key, text);

  constexpr auto first_of_guests = static_cast<std::size_t>(Duration::boot);
  if (name == "operations" || name == "guests") {
    const bool operations = name == "operations";
    for (std::size_t i = operations ? 0 : first_of_guests;
         i < (operations ? first_of_guests : count); ++i)
      ranges_[i] = range;
    return;
  }
  Duration what{};
  if (!boost::describe::enum_from_string(name.c_str(), what)) throw invalid(key, text);
  ranges_[static_cast<std::size_t>(what)] = range;
}

std::int64_t Timing::draw(Duration what, std::string_view uuid, std::uint64_t nth) const {
  const auto index = static_cast<std::size_t>(what);
  const Range& range = ranges_[index];
  const double u = mixed_fraction(seed_ + index, uuid, nth);
  const double ms =
      static_cast<double>(range.low_ms) + static_cast<double>(range.high_ms - range.low_ms) * u * u;
  return std::llround(ms * scale_);
}

}  // namespace xcp::hypervisor::sim
