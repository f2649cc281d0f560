// SPDX-License-Identifier: GPL-2.0-or-later
// This host in the database: its pool, its own record, its control domain, what its hardware,
// storage drivers and network cards are, and the guest templates. The records exist from the first
// start on; what the daemons know is filled in when they answer, on a thread of its own, so that a
// daemon that hangs does not keep the toolstack from starting.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "xapi/context.hpp"

namespace xcp::xapi {

struct HostRefs {
  Ref<model::host> host;
  Ref<model::pool> pool;
};

// Makes what a host must have at its first start; finds it later.
HostRefs ensure_host(db::Store& store, const Settings& settings);

// Brings the records of this host up to date with each daemon (one thread a daemon, so that a slow
// one does not delay the others), trying again until it answered; plugs and scans the SRs that were
// plugged before.
class HostFacts {
 public:
  HostFacts() = default;
  ~HostFacts();
  void begin(Services& services);
  // Returns when every daemon has told its first facts, or after `limit`: a host should know its
  // storage drivers and networks when it says that it is ready, but not at any price.
  void wait_for_first(std::chrono::milliseconds limit);
  // Until every daemon has told everything.
  void wait();
  void stop();

 private:
  struct Part {
    const char* name;
    void (*fill)(Services&);
  };
  void run(const std::vector<Part>& parts, Services& services);
  bool tried(const Part& part, Services& services, bool& told);

  bool stopping_ = false;
  std::size_t awaited_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

// The PIF of a NIC of this host, brought up to date; made with a network of its own when there is
// none.
Ref<model::PIF> record_pif(db::Transaction& change, const Services& services,
                           const network::NicInfo& nic);

// PIFs and their networks from the network daemon's NICs; PIF.scan and the start use it.
void scan_pifs(Services& services);

// Reads the template files; makes or renews the default templates.
void load_templates(db::Store& store, const std::string& directory);

}  // namespace xcp::xapi
