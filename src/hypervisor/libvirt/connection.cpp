// SPDX-License-Identifier: GPL-2.0-or-later
// See connection.hpp.
#include "hypervisor/libvirt/connection.hpp"

#include <libvirt/virterror.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "base/fd.hpp"
#include "hypervisor/libvirt/same_cpu.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

constexpr std::string_view embed_prefix = "qemu:///embed?root=";

// The embedded driver reads its settings from below its root. QEMU runs as root there, without
// namespaces and cgroups, and writes its log itself: no other daemon is needed.
void write_embedded_settings(const std::string& root) {
  std::filesystem::create_directories(root + "/etc");
  std::filesystem::permissions(root, std::filesystem::perms::owner_all);
  const std::string settings =
      "user = \"root\"\n"
      "group = \"root\"\n"
      "dynamic_ownership = 0\n"
      "remember_owner = 0\n"
      "stdio_handler = \"file\"\n"
      "cgroup_controllers = []\n"
      "namespaces = []\n"
      "security_driver = \"none\"\n";
  const std::string path = root + "/etc/qemu.conf";
  if (read_file(path) != settings) write_file_durably(path, settings, 0600);
}

void on_close(virConnectPtr, int, void* broken) {
  *static_cast<std::atomic<bool>*>(broken) = true;
}

void quiet(void*, virErrorPtr) {
  // Errors are thrown; libvirt need not print them besides.
}

}  // namespace

std::optional<std::string> embedded_root(const std::string& uri) {
  if (!uri.starts_with(embed_prefix)) return std::nullopt;
  return uri.substr(embed_prefix.size());
}

int last_error_code() {
  const virError* error = virGetLastError();
  return error != nullptr ? error->code : 0;
}

Failure libvirt_failure(const std::string& what, const std::string& uuid,
                        std::source_location where) {
  const virError* error = virGetLastError();
  const int code = error != nullptr ? error->code : 0;
  if (code == VIR_ERR_NO_DOMAIN) return Failure("DOMAIN_NOT_FOUND", {uuid}, where);
  const char* text =
      error != nullptr && error->message != nullptr ? error->message : "no reason given";
  return internal_error(what + (uuid.empty() ? "" : " " + uuid) + ": libvirt: " + text, where);
}

Connection::Connection(std::string uri, Opened opened)
    : uri_(std::move(uri)), opened_(std::move(opened)) {
  if (const auto root = embedded_root(uri_)) write_embedded_settings(*root);
  // Its information messages would go to our log; whoever debugs libvirt sets the variable himself.
  setenv("LIBVIRT_DEBUG", "4", 0);
  if (virInitialize() != 0) throw libvirt_failure("cannot start libvirt's library", "");
  virSetErrorFunc(nullptr, quiet);
  if (virEventRegisterDefaultImpl() != 0) throw libvirt_failure("libvirt's event loop", "");
  // The timer wakes the loop now and then, so that it sees `stopping_`.
  wake_timer_ = virEventAddTimeout(
      500, [](int, void*) {}, nullptr, nullptr);
  loop_ = std::thread([this] {
    while (!stopping_) virEventRunDefaultImpl();
  });
  try {
    get();
  } catch (...) {
    stopping_ = true;
    virEventUpdateTimeout(wake_timer_, 0);
    loop_.join();
    throw;
  }
}

Connection::~Connection() {
  {
    std::lock_guard lock(mutex_);
    handle_.reset();
  }
  stopping_ = true;
  virEventUpdateTimeout(wake_timer_, 0);
  loop_.join();
  virEventRemoveTimeout(wake_timer_);
}

Connection::Handle Connection::open() {
  virConnectPtr raw = nullptr;
  {
    const SameCpu same_cpu;
    raw = virConnectOpen(uri_.c_str());
  }
  if (raw == nullptr) throw libvirt_failure("cannot connect to " + uri_, "");
  // Callbacks hold references of their own, so they must go for the connection to close.
  auto take_back = std::make_shared<std::function<void()>>();
  Handle handle(raw, [take_back](virConnectPtr connection) {
    if (*take_back) (*take_back)();
    virConnectUnregisterCloseCallback(connection, on_close);
    virConnectClose(connection);
  });
  virConnectSetKeepAlive(raw, 5, 5);
  virConnectRegisterCloseCallback(raw, on_close, &broken_, nullptr);
  virResetLastError();  // the embedded driver knows neither keep-alive nor closing
  *take_back = opened_(raw);
  return handle;
}

Connection::Handle Connection::get() {
  std::lock_guard lock(mutex_);
  if (broken_.exchange(false)) handle_.reset();
  if (!handle_) handle_ = open();
  return handle_;
}

DomainHandle Connection::find(const std::string& uuid) {
  const Handle connection = get();
  DomainHandle domain(virDomainLookupByUUIDString(connection.get(), uuid.c_str()));
  if (!domain && last_error_code() != VIR_ERR_NO_DOMAIN && last_error_code() != VIR_ERR_INVALID_ARG)
    throw libvirt_failure("cannot look up VM", uuid);
  return domain;
}

std::vector<DomainHandle> Connection::all() {
  const Handle connection = get();
  virDomainPtr* list = nullptr;
  const int count =
      virConnectListAllDomains(connection.get(), &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  if (count < 0) throw libvirt_failure("cannot list the domains", "");
  std::vector<DomainHandle> domains;
  for (int i = 0; i < count; ++i) domains.emplace_back(list[i]);
  free(list);
  return domains;
}

}  // namespace xcp::hypervisor::libvirt
