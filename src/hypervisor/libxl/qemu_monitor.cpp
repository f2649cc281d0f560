// SPDX-License-Identifier: GPL-2.0-or-later
// See qemu_monitor.hpp.
#include "hypervisor/libxl/qemu_monitor.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>

#include "base/describe.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr timeval patience{30, 0};

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

}  // namespace

QemuMonitor::QemuMonitor(std::uint32_t domid) {
  const std::string path = "/run/xen/qmp-libxenstat-" + std::to_string(domid);
  auto socket = connect_unix(path);
  if (!socket) throw internal_error("no QEMU listens at " + path);
  socket_ = std::move(*socket);
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  read_line();  // who it is
  execute("qmp_capabilities");
}

std::string QemuMonitor::read_line() {
  for (;;) {
    if (const auto end = unread_.find('\n'); end != std::string::npos) {
      const std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> buffer;
    const std::size_t n = read_some(socket_.get(), buffer.data(), buffer.size());
    if (n == 0) throw internal_error("QEMU ended the conversation");
    unread_.append(buffer.data(), n);
  }
}

json::value QemuMonitor::execute(std::string_view command, json::object arguments) {
  json::object request{{"execute", command}};
  if (!arguments.empty()) request["arguments"] = std::move(arguments);
  write_all(socket_.get(), json_text(request) + "\n");
  for (;;) {
    const json::value answer = parse_json(read_line());
    const json::object* object = answer.if_object();
    if (object == nullptr) throw internal_error("QEMU does not speak QMP");
    if (const json::value* result = object->if_contains("return")) return *result;
    if (const json::value* error = object->if_contains("error"))
      throw internal_error("QEMU refuses " + std::string(command) + ": " +
                           (error->is_object() ? text_in(error->as_object(), "desc") : ""));
  }
}

std::string disk_of_block(const std::string& name) {
  if (name.starts_with("ide") && name.size() == 8) {
    const char letter = static_cast<char>('a' + 2 * (name[3] - '0') + (name[7] - '0'));
    return std::string("hd") + letter;
  }
  return name.substr(0, name.find('-'));
}

std::vector<OpenImage> open_images(const json::value& blocks) {
  std::vector<OpenImage> images;
  if (!blocks.is_array()) return images;
  for (const json::value& block : blocks.as_array()) {
    if (!block.is_object()) continue;
    const json::value* inserted = block.as_object().if_contains("inserted");
    if (inserted == nullptr || !inserted->is_object()) continue;
    const std::string node = text_in(inserted->as_object(), "node-name");
    const std::string device = text_in(block.as_object(), "device");
    images.push_back({disk_of_block(device.empty() ? node : device), node,
                      text_in(inserted->as_object(), "file")});
  }
  return images;
}

}  // namespace xcp::hypervisor::libxl
