// SPDX-License-Identifier: GPL-2.0-or-later
// The way to libvirt: handles with owners, one connection that opens itself again when libvirtd was
// restarted (system mode), one thread for libvirt's event loop, and errors turned into Failures.
// Only one Connection can exist in a process (libvirt's event loop is global).
#pragma once

#include <libvirt/libvirt.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

#include "base/failure.hpp"

namespace xcp::hypervisor::libvirt {

struct FreeDomain {
  void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
using DomainHandle = std::unique_ptr<virDomain, FreeDomain>;

struct FreeText {
  void operator()(char* text) const { free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

// INTERNAL_ERROR ["<what> <uuid>: <libvirt's text>"], or DOMAIN_NOT_FOUND when that is the reason.
Failure libvirt_failure(const std::string& what, const std::string& uuid,
                        std::source_location where = std::source_location::current());

// The code of this thread's last libvirt error; 0 when there is none.
int last_error_code();

// The root directory of an embedded driver's URI; nullopt for a daemon's.
std::optional<std::string> embedded_root(const std::string& uri);

class Connection {
 public:
  // `opened` runs after each successful opening, before anybody gets the connection: it registers
  // event callbacks and returns what takes them back. Writes the configuration of an embedded
  // driver when `uri` names one.
  using Opened = std::function<std::function<void()>(virConnectPtr)>;
  Connection(std::string uri, Opened opened);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // A reference on the connection, open as far as is known. Throws INTERNAL_ERROR when libvirt
  // does not answer.
  using Handle = std::shared_ptr<virConnect>;
  Handle get();

  // nullptr when there is no such domain.
  DomainHandle find(const std::string& uuid);
  std::vector<DomainHandle> all();

 private:
  Handle open();

  const std::string uri_;
  const Opened opened_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;
  Handle handle_;
  int wake_timer_ = -1;
  std::thread loop_;
};

}  // namespace xcp::hypervisor::libvirt
