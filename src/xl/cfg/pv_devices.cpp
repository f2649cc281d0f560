// SPDX-License-Identifier: GPL-2.0-or-later
// Frame buffers, displays, keyboards and sound; see devices.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "xl/cfg/components.hpp"
#include "xl/cfg/devices.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

constexpr std::int64_t most = 0xffffffff;

constexpr const char* sound_formats[] = {"s8",
                                         "u8",
                                         "s16_le",
                                         "s16_be",
                                         "u16_le",
                                         "u16_be",
                                         "s24_le",
                                         "s24_be",
                                         "u24_le",
                                         "u24_be",
                                         "s32_le",
                                         "s32_be",
                                         "u32_le",
                                         "u32_be",
                                         "f32_le",
                                         "f32_be",
                                         "f64_le",
                                         "f64_be",
                                         "iec958_subframe_le",
                                         "iec958_subframe_be",
                                         "mu_law",
                                         "a_law",
                                         "ima_adpcm",
                                         "mpeg",
                                         "gsm"};

// True when the component was one of those that every level of a sound card has.
bool set_sound(SoundParams& params, const Component& component) {
  if (component.key == "sample-rates") {
    params.sample_rates.clear();
    for (const std::string& rate : split(text_in("vsnd", component), ';'))
      params.sample_rates.push_back(number_in("vsnd", {"sample-rates", trimmed(rate)}, 1, most));
  } else if (component.key == "sample-formats") {
    params.sample_formats.clear();
    for (const std::string& part : split(text_in("vsnd", component), ';')) {
      const std::string format = trimmed(part);
      if (std::find(std::begin(sound_formats), std::end(sound_formats), format) ==
          std::end(sound_formats))
        throw refusal(fmt::format("vsnd: there is no sample format `{}'", format));
      params.sample_formats.push_back(format);
    }
  } else if (component.key == "channels-min") {
    params.channels_min = number_in("vsnd", component, 0, most);
  } else if (component.key == "channels-max") {
    params.channels_max = number_in("vsnd", component, 0, most);
  } else if (component.key == "buffer-size") {
    params.buffer_size = number_in("vsnd", component, 0, most);
  } else {
    return false;
  }
  return true;
}

void set_card(Vsnd& card, const Component& component) {
  if (component.key == "backend")
    card.backend_domname = text_in("vsnd", component);
  else if (component.key == "short-name")
    card.short_name = text_in("vsnd", component);
  else if (component.key == "long-name")
    card.long_name = text_in("vsnd", component);
  else if (!set_sound(card.params, component))
    unknown_component("vsnd", component);
}

void set_stream(Vsnd::Stream& stream, const Component& component) {
  if (component.key == "unique-id") {
    stream.unique_id = text_in("vsnd", component);
  } else if (component.key == "type") {
    stream.type = text_in("vsnd", component);
    if (stream.type != "p" && stream.type != "c")
      throw refusal(fmt::format("vsnd: a stream's type is p or c, not `{}'", *stream.type));
  } else if (!set_sound(stream.params, component)) {
    unknown_component("vsnd", component);
  }
}

}  // namespace

Vfb parse_vfb(const std::string& text, Warnings& warnings) {
  Vfb vfb;
  for (const Component& component : components(text)) {
    const std::string& key = component.key;
    if (key == "vnc")
      vfb.vnc.enable = component.value ? Flag(flag_in("vfb", component)) : Flag();
    else if (key == "vnclisten")
      vfb.vnc.listen = text_in("vfb", component);
    else if (key == "vncpasswd")
      vfb.vnc.passwd = text_in("vfb", component);
    else if (key == "vncdisplay")
      vfb.vnc.display = number_in("vfb", component, 0, 0xffff);
    else if (key == "vncunused")
      vfb.vnc.findunused = flag_in("vfb", component);
    else if (key == "keymap")
      vfb.keymap = text_in("vfb", component);
    else if (key == "sdl")
      vfb.sdl.enable = flag_in("vfb", component);
    else if (key == "opengl")
      vfb.sdl.opengl = flag_in("vfb", component);
    else if (key == "display")
      vfb.sdl.display = text_in("vfb", component);
    else if (key == "xauthority")
      vfb.sdl.xauthority = text_in("vfb", component);
    else
      warnings.push_back(fmt::format("vfb: there is no setting `{}'; ignored", key));
  }
  return vfb;
}

Vdispl parse_vdispl(const std::string& text) {
  Vdispl display;
  for (const Component& component : components(text)) {
    if (component.key == "backend") {
      display.backend_domname = text_in("vdispl", component);
    } else if (component.key == "be-alloc") {
      display.be_alloc = flag_in("vdispl", component);
    } else if (component.key == "connectors") {
      for (const std::string& part : split(text_in("vdispl", component), ';')) {
        const auto colon = part.find(':');
        const auto cross = part.find('x', colon == part.npos ? 0 : colon);
        if (colon == part.npos || colon == 0 || cross == part.npos)
          throw refusal(fmt::format("vdispl: a connector is ID:WIDTHxHEIGHT, not `{}'", part));
        const Component width{"width", part.substr(colon + 1, cross - colon - 1)};
        const Component height{"height", part.substr(cross + 1)};
        display.connectors.push_back({part.substr(0, colon), number_in("vdispl", width, 1, 0xffff),
                                      number_in("vdispl", height, 1, 0xffff)});
      }
    } else {
      unknown_component("vdispl", component);
    }
  }
  if (display.connectors.empty())
    throw refusal(fmt::format("vdispl: at least one connector is needed in `{}'", text));
  return display;
}

Vkb parse_vkb(const std::string& text) {
  Vkb vkb;
  struct FlagRow {
    const char* key;
    bool Vkb::*field;
  };
  struct NumberRow {
    const char* key;
    std::int64_t Vkb::*field;
  };
  static constexpr FlagRow flags[] = {{"feature-disable-keyboard", &Vkb::feature_disable_keyboard},
                                      {"feature-disable-pointer", &Vkb::feature_disable_pointer},
                                      {"feature-abs-pointer", &Vkb::feature_abs_pointer},
                                      {"feature-raw-pointer", &Vkb::feature_raw_pointer},
                                      {"feature-multi-touch", &Vkb::feature_multi_touch}};
  static constexpr NumberRow numbers[] = {
      {"multi-touch-width", &Vkb::multi_touch_width},
      {"multi-touch-height", &Vkb::multi_touch_height},
      {"multi-touch-num-contacts", &Vkb::multi_touch_num_contacts},
      {"width", &Vkb::width},
      {"height", &Vkb::height}};
  const auto set = [&](const Component& component) {
    for (const FlagRow& row : flags)
      if (component.key == row.key) return vkb.*row.field = flag_in("vkb", component), true;
    for (const NumberRow& row : numbers)
      if (component.key == row.key)
        return vkb.*row.field = number_in("vkb", component, 0, most), true;
    return false;
  };
  for (const Component& component : components(text)) {
    if (component.key == "unique-id")
      vkb.unique_id = text_in("vkb", component);
    else if (component.key == "backend")
      vkb.backend_domname = text_in("vkb", component);
    else if (component.key == "backend-type")
      vkb.backend_type = text_in("vkb", component);
    else if (!set(component))
      unknown_component("vkb", component);
  }
  if (vkb.backend_type != "qemu" && vkb.backend_type != "linux")
    throw refusal(fmt::format("vkb: backend-type is qemu or linux; not so in `{}'", text));
  return vkb;
}

Vsnd parse_vsnd(const std::vector<std::string>& lines) {
  Vsnd card;
  for (const std::string& line : lines) {
    std::vector<Component> parts = components(line);
    if (parts.empty()) continue;
    const std::string level = parts[0].key;
    parts.erase(parts.begin());
    if (level == "card" || level == "CARD") {
      for (const Component& component : parts) set_card(card, component);
    } else if (level == "pcm" || level == "PCM") {
      Vsnd::Pcm& pcm = card.pcms.emplace_back();
      for (const Component& component : parts) {
        if (component.key == "name")
          pcm.name = text_in("vsnd", component);
        else if (!set_sound(pcm.params, component))
          unknown_component("vsnd", component);
      }
    } else if (level == "stream" || level == "STREAM") {
      if (card.pcms.empty()) throw refusal("vsnd: a stream belongs to the pcm before it");
      Vsnd::Stream& stream = card.pcms.back().streams.emplace_back();
      for (const Component& component : parts) set_stream(stream, component);
    } else {
      throw refusal(fmt::format("vsnd: a line begins with card, pcm or stream, not `{}'", level));
    }
  }
  return card;
}

}  // namespace xcp::xl::cfg
