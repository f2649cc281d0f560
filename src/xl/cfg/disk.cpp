// SPDX-License-Identifier: GPL-2.0-or-later
// See disk.hpp.
#include "xl/cfg/disk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "xl/cfg/components.hpp"
#include "xl/cfg/reader.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

constexpr std::array formats = {"raw", "qcow", "qcow2", "vhd", "qed", "empty"};
constexpr std::array backends = {"phy", "tap", "qdisk", "standalone"};
constexpr std::array prefix_formats = {"raw", "qcow", "qcow2", "vhd"};
constexpr std::array prefix_scripts = {"iscsi", "nbd", "enbd", "drbd"};
constexpr std::array prefixes_ignored = {"tapdisk", "tap", "tap2", "aio", "ioemu", "file", "phy"};

template <class Words>
bool is_one_of(const std::string& word, const Words& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

template <class Words>
std::string joined(const Words& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

class DiskParser {
 public:
  explicit DiskParser(const std::string& text) : text_(text), rest_(text) {}

  Disk parse() {
    strip_prefixes();
    if (!had_prefix_ && old_empty_cdrom()) {
      had_prefix_ = true;
      target_ = "";
      rest_.erase(0, 1);
    }
    while (!rest_.empty()) take_parameter();
    return finished();
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw refusal(fmt::format("disk: {} in `{}'", problem, text_));
  }

  void once(Text& field, const std::string& value, const char* name) {
    if (field && *field != value)
      refuse(fmt::format("{} is given twice, the second time as `{}'", name, value));
    if (!value.empty()) field = value;
  }

  // "tap:aio:qcow2:/path": only before everything else, and only words that are prefixes.
  void strip_prefixes() {
    for (;;) {
      const auto end = rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789");
      if (end == rest_.npos || end == 0 || rest_[end] != ':') return;
      const std::string prefix = rest_.substr(0, end);
      if (is_one_of(prefix, prefix_formats)) {
        format_ = prefix;
      } else if (is_one_of(prefix, prefix_scripts)) {
        disk_.script = "block-" + prefix;
      } else if (!is_one_of(prefix, prefixes_ignored)) {
        // What a script gets is its own business, as the host of nbd:HOST:PORT.
        if (disk_.script) return;
        refuse(fmt::format("the prefix `{}:' is unknown", prefix));
      }
      had_prefix_ = true;
      rest_.erase(0, end + 1);
    }
  }

  // ",hdc:cdrom,r", as xend wrote an empty CD drive.
  bool old_empty_cdrom() const {
    if (rest_.empty() || rest_[0] != ',') return false;
    const std::string second = rest_.substr(1, rest_.find(',', 1) - 1);
    return second.ends_with(":cdrom") || second.ends_with(":disk");
  }

  void take_parameter() {
    rest_.erase(0, std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    if (rest_.starts_with("target=")) {
      if (target_ && !target_->empty()) refuse("target is given twice");
      target_ = rest_.substr(7);
      rest_.clear();
      return;
    }
    const auto comma = rest_.find(',');
    const std::string parameter = rest_.substr(0, comma);
    // A comma at the very end is followed by nothing, not by an empty parameter.
    rest_.erase(0, comma == rest_.npos ? comma : comma + 1);
    if (take_flag(parameter)) return;
    const auto equals = parameter.find('=');
    if (equals != parameter.npos)
      take_named(parameter.substr(0, equals), parameter.substr(equals + 1), parameter);
    else
      take_positional(parameter);
  }

  bool take_flag(const std::string& flag) {
    if (flag == "cdrom")
      disk_.is_cdrom = true;
    else if (flag == "direct-io-safe")
      disk_.direct_io_safe = true;
    else if (flag == "discard" || flag == "no-discard")
      disk_.discard_enable = flag == "discard";
    else if (flag == "trusted" || flag == "untrusted")
      disk_.trusted = flag == "trusted";
    else if (flag == "colo" || flag == "no-colo")
      disk_.colo_enable = flag == "colo";
    else
      return false;
    return true;
  }

  void take_named(const std::string& key, const std::string& value, const std::string& whole) {
    if (key == "format") return take_format(value);
    if (key == "vdev") return once(vdev_, value, "vdev");
    if (key == "access") return take_access(value);
    if (key == "script") return once(disk_.script, value, "script");
    if (key == "backend") return once(disk_.backend_domname, value, "backend");
    if (key == "colo-host") return once(disk_.colo_host, value, "colo-host");
    if (key == "colo-export") return once(disk_.colo_export, value, "colo-export");
    if (key == "active-disk") return once(disk_.active_disk, value, "active-disk");
    if (key == "hidden-disk") return once(disk_.hidden_disk, value, "hidden-disk");
    if (key == "colo-port") return take_port(value);
    if (key == "devtype") return take_devtype(value);
    if (key == "backendtype") {
      if (!is_one_of(value, backends)) refuse_value("backendtype", value, joined(backends));
      return once(disk_.backend, value, "backendtype");
    }
    if (key == "specification") {
      if (value != "xen" && value != "virtio") refuse_value("specification", value, "xen virtio");
      return once(disk_.specification, value, "specification");
    }
    if (key == "grant_usage") {
      if (value != "0" && value != "1") refuse_value("grant_usage", value, "0 1");
      disk_.grant_usage = value == "1";
      return;
    }
    refuse(fmt::format("there is no parameter `{}'", whole));
  }

  [[noreturn]] void refuse_value(const char* name, const std::string& value,
                                 const std::string& words) const {
    refuse(fmt::format("{} cannot be `{}' (one of {})", name, value, words));
  }

  void take_format(const std::string& value) {
    if (!value.empty() && !is_one_of(value, formats))
      refuse_value("format", value, joined(formats));
    once(format_, value.empty() ? "raw" : value, "format");  // no format is a format too
  }

  void take_access(const std::string& value) {
    if (access_) refuse(fmt::format("access is given twice, the second time as `{}'", value));
    if (value.empty()) return;
    if (value != "r" && value != "ro" && value != "w" && value != "rw")
      refuse_value("access", value, "r ro w rw");
    access_ = value;
  }

  void take_devtype(const std::string& value) {
    if (value != "cdrom" && value != "disk") refuse_value("devtype", value, "cdrom disk");
    disk_.is_cdrom = value == "cdrom";
  }

  void take_port(const std::string& value) {
    const auto all_digits =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (value.empty() || value.size() > 5 || !all_digits || std::stoi(value) > 65535)
      refuse(fmt::format("colo-port cannot be `{}' (a port number)", value));
    disk_.colo_port = std::stoi(value);
  }

  void take_vdev(const std::string& value) {
    const auto colon = value.find(':');
    if (colon != value.npos) take_devtype(value.substr(colon + 1));
    once(vdev_, value.substr(0, colon), "vdev");
  }

  void take_positional(const std::string& value) {
    switch (next_++) {
      case 0:
        if (target_) return take_positional(value);
        target_ = value;
        return;
      case 1:
        // After a prefix the format has had its place already.
        if (had_prefix_ || format_) return take_positional(value);
        return take_format(value);
      case 2:
        if (vdev_) return take_positional(value);
        return take_vdev(value);
      case 3:
        if (access_) return take_positional(value);
        return take_access(value);
    }
    refuse(fmt::format("`{}' is one positional parameter too many", value));
  }

  Disk finished() {
    if (!vdev_) refuse("a vdev is missing");
    if (!target_ && !disk_.is_cdrom) refuse("a target is missing, and it is no CD drive");
    disk_.vdev = *vdev_;
    disk_.pdev_path = target_;
    disk_.format = format_.value_or("raw");
    disk_.removable = disk_.is_cdrom;
    disk_.readwrite = !disk_.is_cdrom && access_ != "r" && access_ != "ro";
    if (disk_.is_cdrom && target_.value_or("").empty()) disk_.format = "empty";
    return disk_;
  }

  const std::string& text_;
  std::string rest_;
  Disk disk_;
  Text target_, format_, vdev_, access_;
  bool had_prefix_ = false;
  int next_ = 0;
};

}  // namespace

Disk parse_disk(const std::string& text) {
  return DiskParser(text).parse();
}

std::optional<int> position_of(const std::string& vdev) {
  std::string letters;
  for (const char* prefix : {"xvd", "hd", "sd"})
    if (vdev.starts_with(prefix)) {
      letters = vdev.substr(std::string_view(prefix).size());
      break;
    }
  if (letters.empty()) {
    const bool digits =
        !vdev.empty() && vdev.size() <= 3 && vdev.find_first_not_of("0123456789") == vdev.npos;
    return digits ? std::optional(std::stoi(vdev)) : std::nullopt;
  }
  if (letters.size() > 2 || letters.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != letters.npos)
    return std::nullopt;
  int position = 0;
  for (const char letter : letters) position = position * 26 + (letter - 'a' + 1);
  return position - 1;
}

}  // namespace xcp::xl::cfg
