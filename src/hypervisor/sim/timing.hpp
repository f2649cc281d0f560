// SPDX-License-Identifier: GPL-2.0-or-later
// How long simulated things take: a range for each kind of thing, drawn from with a seed, so that
// the same domain takes the same time in every run whatever else happens meanwhile. Most draws lie
// near the low end, a few take long. Not thread safe; the driver's lock guards it.
#pragma once

#include <array>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace xcp::hypervisor::sim {

// What calls take (operations), then what guests take.
BOOST_DEFINE_ENUM_CLASS(Duration, build, unpause, pause, reset, destroy, save, restore, checkpoint,
                        migrate, plug, unplug, unplug_timeout, resize, boot, agent, shutdown,
                        reboot, balloon)

class Timing {
 public:
  Timing(std::uint64_t seed, double scale);

  // `name`: a Duration, or "operations", "guests" for all of a kind; `text`: "250" or "200..450".
  // INVALID_VALUE [timing.<name>, text] for anything else.
  void set(const std::string& name, const std::string& text);
  void set_scale(double scale) { scale_ = scale; }

  // Milliseconds of the nth such thing of this domain.
  std::int64_t draw(Duration what, std::string_view uuid, std::uint64_t nth) const;

 private:
  struct Range {
    std::int64_t low_ms;
    std::int64_t high_ms;
  };
  static constexpr std::size_t count = static_cast<std::size_t>(Duration::balloon) + 1;

  std::uint64_t seed_;
  double scale_;
  std::array<Range, count> ranges_;
};

// A well mixed number from a text and two numbers; the source of everything random here.
std::uint64_t mixed(std::uint64_t seed, std::string_view text, std::uint64_t number);
// The same as a fraction in [0, 1).
double mixed_fraction(std::uint64_t seed, std::string_view text, std::uint64_t number);

// "250" -> 250; nullopt-like failure as INVALID_VALUE [key, text].
std::int64_t parse_whole(const std::string& key, const std::string& text);
double parse_real(const std::string& key, const std::string& text);
bool parse_flag(const std::string& key, const std::string& text);

}  // namespace xcp::hypervisor::sim
