// SPDX-License-Identifier: GPL-2.0-or-later
// PCI, USB, TPM, shares and channels; see devices.hpp. Displays, keyboards and sound:
// pv_devices.cpp.
#include "xl/cfg/devices.hpp"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "xl/cfg/components.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

constexpr std::int64_t most_number = 0x7fffffff;

// One to `longest` hexadecimal digits at `at`, which moves on; nullopt when there is none.
std::optional<std::int64_t> hex_at(const std::string& text, std::size_t& at, std::size_t longest) {
  std::size_t end = at;
  while (end < text.size() && end - at < longest && std::isxdigit((unsigned char)text[end])) ++end;
  if (end == at) return std::nullopt;
  const std::int64_t number = std::stoll(text.substr(at, end - at), nullptr, 16);
  at = end;
  return number;
}

bool take(const std::string& text, std::size_t& at, char c) {
  if (at == text.size() || text[at] != c) return false;
  ++at;
  return true;
}

// "[ssss:]bb:dd.f[@vslot]"; false when it is none.
bool read_bdf(const std::string& text, Pci& pci, bool with_slot) {
  std::size_t at = 0;
  auto first = hex_at(text, at, 4);
  if (!first || !take(text, at, ':')) return false;
  auto second = hex_at(text, at, 2);
  if (!second) return false;
  if (take(text, at, ':')) {
    pci.domain = *first;
    first = second;
    second = hex_at(text, at, 2);
  }
  if (*first > 0xff || !second || *second > 0x1f || !take(text, at, '.')) return false;
  pci.bus = *first;
  pci.dev = *second;
  if (take(text, at, '*')) {
    pci.vfunc_mask = 0xffffffff;
  } else {
    const auto function = hex_at(text, at, 1);
    if (!function || *function > 7) return false;
    pci.func = *function;
    pci.vfunc_mask = 1;
  }
  if (with_slot && take(text, at, '@')) {
    const auto slot = hex_at(text, at, 2);
    if (!slot || *slot > 0x1f) return false;
    pci.vdevfn = *slot << 3;
  }
  return at == text.size();
}

[[noreturn]] void refuse_pci(const std::string& text, const std::string& problem, int status = 6) {
  throw refusal(fmt::format("pci: {} in `{}'", problem, text), status);
}

void set_pci(Pci& pci, const std::string& text, const std::string& key, const std::string& value) {
  const auto flag = [&] {
    if (value != "0" && value != "1") refuse_pci(text, fmt::format("{} is 0 or 1", key));
    return value == "1";
  };
  if (key == "permissive")
    pci.permissive = flag();
  else if (key == "msitranslate")
    pci.msitranslate = flag();
  else if (key == "seize")
    pci.seize = flag();
  else if (key == "power_mgmt")
    pci.power_mgmt = flag();
  else if (key == "name")
    pci.name = value;
  else if (key == "bdf") {
    if (!read_bdf(value, pci, false)) refuse_pci(text, fmt::format("`{}' is no address", value));
  } else if (key == "vslot") {
    std::size_t at = 0;
    const auto slot = hex_at(value, at, 2);
    if (!slot || *slot > 0x1f || at != value.size()) refuse_pci(text, "vslot is 0 to 1f");
    pci.vdevfn = *slot << 3;
  } else if (key == "rdm_policy") {
    if (value != "strict" && value != "relaxed")
      refuse_pci(text, "rdm_policy is strict or relaxed", 3);
    pci.rdm_policy = value;
  } else {
    refuse_pci(text, fmt::format("there is no setting `{}'", key));
  }
}

const char* find_word(const std::string& word, std::initializer_list<const char*> words) {
  for (const char* known : words)
    if (word == known) return known;
  return nullptr;
}

}  // namespace

bool is_uuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit((unsigned char)text[i])) return false;
  }
  return true;
}

Pci parse_pci(const std::string& text, const Pci& defaults) {
  Pci pci = defaults;
  bool named = false;
  bool first = true;
  for (const std::string& part : split(text, ',')) {
    const auto equals = part.find('=');
    if (std::exchange(first, false) && equals == part.npos) {
      if (!read_bdf(part, pci, true)) refuse_pci(text, fmt::format("`{}' is no address", part));
      named = true;
      continue;
    }
    if (equals == part.npos) refuse_pci(text, fmt::format("`{}' has no value", part));
    const std::string key = part.substr(0, equals);
    set_pci(pci, text, key, part.substr(equals + 1));
    named = named || key == "bdf" || key == "name";
  }
  if (!named) refuse_pci(text, "neither an address nor a name");
  return pci;
}

Rdm parse_rdm(const std::string& text) {
  Rdm rdm{"ignore", "strict"};
  for (const Component& component : components(text)) {
    const std::string value = text_in("rdm", component);
    if (component.key == "strategy") {
      if (value != "host")
        throw refusal(fmt::format("rdm: strategy cannot be `{}'; expected host", value));
      rdm.strategy = value;
    } else if (component.key == "policy") {
      if (value != "strict" && value != "relaxed")
        throw refusal(fmt::format("rdm: policy cannot be `{}'; expected strict or relaxed", value));
      rdm.policy = value;
    } else {
      unknown_component("rdm", component);
    }
  }
  return rdm;
}

Vtpm parse_vtpm(const std::string& text) {
  Vtpm vtpm;
  for (const Component& component : components(text)) {
    if (component.key == "backend") {
      vtpm.backend_domname = text_in("vtpm", component);
    } else if (component.key == "uuid") {
      vtpm.uuid = text_in("vtpm", component);
      if (!is_uuid(*vtpm.uuid)) throw refusal(fmt::format("vtpm: `{}' is no uuid", *vtpm.uuid));
    } else {
      unknown_component("vtpm", component);
    }
  }
  if (vtpm.backend_domname.empty())
    throw refusal(fmt::format("vtpm: backend is missing in `{}'", text));
  return vtpm;
}

P9 parse_p9(const std::string& text, Warnings& warnings) {
  P9 p9;
  const auto later = [&](const Component& component) {
    warnings.push_back(fmt::format("p9: {} needs Xen 4.18 or later", component.key));
    return number_in("p9", component, 0, most_number);
  };
  for (const Component& component : components(text)) {
    const std::string& key = component.key;
    if (key == "tag")
      p9.tag = text_in("p9", component);
    else if (key == "path")
      p9.path = text_in("p9", component);
    else if (key == "security_model")
      p9.security_model = text_in("p9", component);
    else if (key == "backend")
      p9.backend_domname = text_in("p9", component);
    else if (key == "type")
      p9.type = text_in("p9", component);
    else if (key == "max-files")
      p9.max_files = later(component);
    else if (key == "max-open-files")
      p9.max_open_files = later(component);
    else if (key == "max-space")
      p9.max_space = later(component);
    else if (key == "auto-delete")
      p9.auto_delete = later(component) != 0;
    else
      unknown_component("p9", component);
  }
  if (p9.type && !find_word(*p9.type, {"qemu", "xen_9pfsd"}))
    throw refusal(fmt::format("p9: type cannot be `{}'; expected qemu or xen_9pfsd", *p9.type));
  if (p9.tag.empty() || p9.path.empty() || p9.security_model.empty())
    throw refusal(
        fmt::format("p9: tag, path and security_model must all be given; not so in `{}'", text));
  return p9;
}

PvCalls parse_pvcalls(const std::string& text) {
  PvCalls device;
  for (const Component& component : components(text)) {
    if (component.key != "backend") unknown_component("pvcalls", component);
    device.backend_domname = text_in("pvcalls", component);
  }
  return device;
}

Channel parse_channel(const std::string& text, Warnings& warnings) {
  Channel channel;
  for (const Component& component : components(text)) {
    if (component.key == "backend")
      channel.backend_domname = text_in("channel", component);
    else if (component.key == "name")
      channel.name = text_in("channel", component);
    else if (component.key == "connection")
      channel.connection = text_in("channel", component);
    else if (component.key == "path")
      channel.path = text_in("channel", component);
    else
      warnings.push_back(fmt::format("channel: there is no setting `{}'; ignored", component.key));
  }
  if (!find_word(channel.connection, {"pty", "socket"}))
    throw refusal(fmt::format("channel: connection is pty or socket, not `{}', in `{}'",
                              channel.connection, text));
  if (channel.connection == "socket" && !channel.path)
    throw refusal(fmt::format("channel: connection=socket needs a path in `{}'", text));
  if (channel.connection == "pty") channel.path.reset();
  return channel;
}

UsbController parse_usb_controller(const std::string& text) {
  UsbController controller;
  for (const Component& component : components(text)) {
    if (component.key == "type") {
      const std::string type = text_in("usbctrl", component);
      if (!find_word(type, {"auto", "pv", "devicemodel", "qusb"}))
        throw refusal(fmt::format(
            "usbctrl: type cannot be `{}'; expected auto, pv, devicemodel or qusb", type));
      if (type != "auto") controller.type = type;
    } else if (component.key == "version") {
      controller.version = number_in("usbctrl", component, 0, most_number);
    } else if (component.key == "ports") {
      controller.ports = number_in("usbctrl", component, 0, most_number);
    } else {
      unknown_component("usbctrl", component);
    }
  }
  return controller;
}

UsbDevice parse_usb_device(const std::string& text) {
  UsbDevice device;
  for (const Component& component : components(text)) {
    if (component.key == "type") {
      if (text_in("usbdev", component) != "hostdev")
        throw refusal(fmt::format("usbdev: type is hostdev, not `{}'", *component.value));
      device.hostdev = true;
    } else if (component.key == "hostbus") {
      device.hostbus = number_in("usbdev", component, 0, 255);
    } else if (component.key == "hostaddr") {
      device.hostaddr = number_in("usbdev", component, 0, 255);
    } else if (component.key == "controller") {
      device.ctrl = number_in("usbdev", component, 0, most_number);
    } else if (component.key == "port") {
      device.port = number_in("usbdev", component, 0, most_number);
    } else {
      unknown_component("usbdev", component);
    }
  }
  return device;
}

Virtio parse_virtio(const std::string& text) {
  Virtio virtio;
  // The type has a comma of its own: "virtio,device22".
  std::vector<Component> parts = components(text);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Component& component = parts[i];
    if (component.key == "type") {
      virtio.type = text_in("virtio", component);
      if (i + 1 < parts.size() && !parts[i + 1].value) virtio.type += "," + parts[++i].key;
    } else if (component.key == "transport") {
      virtio.transport = text_in("virtio", component);
    } else if (component.key == "backend") {
      virtio.backend_domname = text_in("virtio", component);
    } else if (component.key == "grant_usage") {
      virtio.grant_usage = flag_in("virtio", component);
    } else {
      unknown_component("virtio", component);
    }
  }
  if (!virtio.type.starts_with("virtio,device"))
    throw refusal(
        fmt::format("virtio: type is virtio,device or virtio,deviceNUMBER, not `{}'", virtio.type));
  if (virtio.transport != "mmio")
    throw refusal(fmt::format("virtio: transport is mmio, not `{}'", virtio.transport));
  return virtio;
}

}  // namespace xcp::xl::cfg
