// SPDX-License-Identifier: GPL-2.0-or-later
// The server side of RFB 3.8 (RFC 6143), as little as a viewer needs: no security, raw encoding,
// any true-colour pixel format, one still picture that differs from guest to guest.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hypervisor/sim/consoles.hpp"
#include "hypervisor/sim/timing.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr unsigned screen_width = 640;
constexpr unsigned screen_height = 480;

struct PixelFormat {
  unsigned bits = 32;
  bool big_endian = false;
  unsigned red_max = 255, green_max = 255, blue_max = 255;
  unsigned red_shift = 16, green_shift = 8, blue_shift = 0;
};

struct Area {
  unsigned x = 0, y = 0, width = 0, height = 0;
};

void put8(std::string& out, unsigned value) {
  out += static_cast<char>(value);
}
void put16(std::string& out, unsigned value) {
  put8(out, value >> 8 & 0xff);
  put8(out, value & 0xff);
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
unsigned get8(std::string_view in, std::size_t at) {
  return static_cast<unsigned char>(in[at]);
}
unsigned get16(std::string_view in, std::size_t at) {
  return get8(in, at) << 8 | get8(in, at + 1);
}
std::uint32_t get32(std::string_view in, std::size_t at) {
  return static_cast<std::uint32_t>(get16(in, at)) << 16 | get16(in, at + 2);
}

class Vnc : public ConsoleSession {
 public:
  explicit Vnc(const ConsoleView& view) : name_(view.name), colour_(mixed(0, view.uuid, 0)) {}

  bool take(std::string_view bytes, std::string& out) override;
  std::int64_t follow(const ConsoleView&, std::string& out) override {
    if (at_ == At::start) {
      out += "RFB 003.008\n";
      at_ = At::version;
    }
    return -1;
  }

 private:
  enum class At { start, version, security, client_init, messages };
  enum class Step { done, need_more, broken };

  Step step(std::string& out);
  Step version(std::string& out);
  Step message();
  void server_init(std::string& out) const;
  void update(std::string& out);
  std::uint32_t pixel(unsigned x, unsigned y) const;

  const std::string name_;
  const std::uint64_t colour_;
  At at_ = At::start;
  int minor_ = 8;
  PixelFormat format_;
  std::string in_;
  bool wanted_ = false;
  Area wanted_area_;
};

Vnc::Step Vnc::version(std::string& out) {
  if (in_.size() < 12) return Step::need_more;
  if (in_.compare(0, 8, "RFB 003.") != 0 || in_[11] != '\n') return Step::broken;
  const std::string minor = in_.substr(8, 3);
  in_.erase(0, 12);
  // Whatever is not one of the two later versions is to be taken for 3.3 (RFC 6143, 7.1.1).
  minor_ = minor == "008" ? 8 : minor == "007" ? 7 : 3;
  if (minor_ == 3) {
    put32(out, 1);
    at_ = At::client_init;
  } else {
    put8(out, 1);
    put8(out, 1);
    at_ = At::security;
  }
  return Step::done;
}

void Vnc::server_init(std::string& out) const {
  put16(out, screen_width);
  put16(out, screen_height);
  put8(out, format_.bits);
  put8(out, 24);
  put8(out, format_.big_endian ? 1 : 0);
  put8(out, 1);
  put16(out, format_.red_max);
  put16(out, format_.green_max);
  put16(out, format_.blue_max);
  put8(out, format_.red_shift);
  put8(out, format_.green_shift);
  put8(out, format_.blue_shift);
  out.append(3, '\0');
  put32(out, static_cast<std::uint32_t>(name_.size()));
  out += name_;
}

Vnc::Step Vnc::message() {
  constexpr std::size_t longest_cut_text = 1u << 20;
  if (in_.empty()) return Step::need_more;
  const auto need = [&](std::size_t size) { return in_.size() < size; };
  switch (get8(in_, 0)) {
    case 0: {  // SetPixelFormat
      if (need(20)) return Step::need_more;
      PixelFormat format;
      format.bits = get8(in_, 4);
      const bool true_colour = get8(in_, 7) != 0;
      format.big_endian = get8(in_, 6) != 0;
      format.red_max = get16(in_, 8);
      format.green_max = get16(in_, 10);
      format.blue_max = get16(in_, 12);
      format.red_shift = get8(in_, 14);
      format.green_shift = get8(in_, 15);
      format.blue_shift = get8(in_, 16);
      const bool bits_known = format.bits == 8 || format.bits == 16 || format.bits == 32;
      if (!bits_known || !true_colour || format.red_shift > 31 || format.green_shift > 31 ||
          format.blue_shift > 31)
        return Step::broken;
      format_ = format;
      in_.erase(0, 20);
      return Step::done;
    }
    case 2: {  // SetEncodings: raw is always allowed
      if (need(4)) return Step::need_more;
      const std::size_t size = 4 + 4 * std::size_t{get16(in_, 2)};
      if (need(size)) return Step::need_more;
      in_.erase(0, size);
      return Step::done;
    }
    case 3: {  // FramebufferUpdateRequest
      if (need(10)) return Step::need_more;
      const bool incremental = get8(in_, 1) != 0;
      Area area{get16(in_, 2), get16(in_, 4), get16(in_, 6), get16(in_, 8)};
      in_.erase(0, 10);
      // The picture never changes: an incremental request is answered by the change that never
      // comes.
      if (incremental) return Step::done;
      area.x = std::min(area.x, screen_width);
      area.y = std::min(area.y, screen_height);
      area.width = std::min(area.width, screen_width - area.x);
      area.height = std::min(area.height, screen_height - area.y);
      wanted_ = true;
      wanted_area_ = area;
      return Step::done;
    }
    case 4:  // KeyEvent
      if (need(8)) return Step::need_more;
      in_.erase(0, 8);
      return Step::done;
    case 5:  // PointerEvent
      if (need(6)) return Step::need_more;
      in_.erase(0, 6);
      return Step::done;
    case 6: {  // ClientCutText
      if (need(8)) return Step::need_more;
      const std::size_t size = get32(in_, 4);
      if (size > longest_cut_text) return Step::broken;
      if (need(8 + size)) return Step::need_more;
      in_.erase(0, 8 + size);
      return Step::done;
    }
    default:
      return Step::broken;
  }
}

Vnc::Step Vnc::step(std::string& out) {
  switch (at_) {
    case At::start:
      return Step::need_more;
    case At::version:
      return version(out);
    case At::security:
      if (in_.empty()) return Step::need_more;
      if (in_[0] != 1) return Step::broken;
      in_.erase(0, 1);
      if (minor_ == 8) put32(out, 0);
      at_ = At::client_init;
      return Step::done;
    case At::client_init:
      if (in_.empty()) return Step::need_more;
      in_.erase(0, 1);
      server_init(out);
      at_ = At::messages;
      return Step::done;
    case At::messages:
      return message();
  }
  return Step::broken;
}

std::uint32_t Vnc::pixel(unsigned x, unsigned y) const {
  // A frame, and inside it bands in colours of the guest's own.
  const bool frame = x < 8 || y < 8 || x >= screen_width - 8 || y >= screen_height - 8;
  const unsigned band = x / 80;
  const auto part = [&](unsigned which, unsigned max) {
    if (frame) return max;
    const unsigned level = static_cast<unsigned>(colour_ >> ((band + which * 3) % 8 * 8)) & 0xff;
    const unsigned shade = level * (screen_height - y / 2) / screen_height;
    return shade * max / 255;
  };
  return part(0, format_.red_max) << format_.red_shift |
         part(1, format_.green_max) << format_.green_shift |
         part(2, format_.blue_max) << format_.blue_shift;
}

void Vnc::update(std::string& out) {
  wanted_ = false;
  const Area& area = wanted_area_;
  put8(out, 0);
  put8(out, 0);
  put16(out, 1);
  put16(out, area.x);
  put16(out, area.y);
  put16(out, area.width);
  put16(out, area.height);
  put32(out, 0);
  const unsigned bytes = format_.bits / 8;
  out.reserve(out.size() + std::size_t{area.width} * area.height * bytes);
  for (unsigned y = area.y; y < area.y + area.height; ++y)
    for (unsigned x = area.x; x < area.x + area.width; ++x) {
      const std::uint32_t value = pixel(x, y);
      for (unsigned i = 0; i < bytes; ++i)
        put8(out, value >> 8 * (format_.big_endian ? bytes - 1 - i : i) & 0xff);
    }
}

bool Vnc::take(std::string_view bytes, std::string& out) {
  in_ += bytes;
  for (;;) {
    switch (step(out)) {
      case Step::done:
        continue;
      case Step::broken:
        return false;
      case Step::need_more:
        // One answer for all requests that came together.
        if (wanted_) update(out);
        return true;
    }
  }
}

}  // namespace

std::unique_ptr<ConsoleSession> make_vnc_session(const ConsoleView& view) {
  return std::make_unique<Vnc>(view);
}

}  // namespace xcp::hypervisor::sim
