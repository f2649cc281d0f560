// SPDX-License-Identifier: GPL-2.0-or-later
// What the subcommands work with: the hypervisor daemon, the global options, domains by the names
// that people use, and what xl remembers of the domains it made. Not for more than one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/xen_controls.hpp"
#include "xl/cfg/read_domain.hpp"

namespace xcp::xl {

struct Settings {
  std::string socket = "/run/xcp/hypervisor.sock";
  std::string state_dir = "/var/lib/xcp/xl";
  std::string conf = "/etc/xen/xl.conf";
  int verbose = 0;
  bool force = false;
  bool dry_run = false;
};

class Xl {
 public:
  explicit Xl(Settings settings);
  ~Xl();

  Settings settings;

  // Connects when it is asked for first.
  hypervisor::Hypervisor& hypervisor();
  const hypervisor::HostFacts& host();

  // What only Xen has. On a host without it each call throws NOT_IMPLEMENTED, which main() turns
  // into a sentence.
  hypervisor::XenControls& xen();
  bool on_xen();

  // By number or name. Throws the refusal that xl's users know when there is none.
  hypervisor::DomainState find(const std::string& domain);
  // All, in the order of their numbers.
  std::vector<hypervisor::DomainState> domains();

  // As Xen sees it: domain 0 and those of others as well.
  hypervisor::XenDomain find_xen(const std::string& domain);
  // Of a Xen host's domain that the daemon leaves alone, so that only Xen can change it.
  std::optional<hypervisor::XenDomain> of_others(const std::string& domain);

  // Refuses, unless forced, what is not xl's own: domains that xapi or another program looks after.
  void need_own(const hypervisor::DomainState& domain, const char* doing);

  // What the file of a domain that xl made said; kept until the domain is gone.
  void remember(const std::string& uuid, const std::string& text);
  std::optional<std::string> remembered(const std::string& uuid) const;
  void forget(const std::string& uuid);
  // Of domains that ended without our seeing it. What is young may belong to one that is being
  // made.
  void forget_all_but(const std::vector<hypervisor::DomainState>& domains);

  // xl.conf, and the host's CPUs as the reading of a configuration needs them.
  const cfg::XlConf& conf();
  cfg::HostCpus cpus();

  void warn(const std::string& line);

 private:
  std::string record(const std::string& uuid) const;

  std::unique_ptr<hypervisor::Hypervisor> hypervisor_;
  std::unique_ptr<hypervisor::XenControls> xen_;
  std::optional<hypervisor::HostFacts> host_;
  std::optional<cfg::XlConf> conf_;
};

// A file with settings over it, as create and restore get them, read into a Domain. Warnings are
// told when the user named the file just now.
struct Configuration {
  std::string text;  // with the settings of the command line after it
  cfg::Domain domain;
  std::vector<std::string> keys;  // names that were set
};
Configuration read_configuration(Xl& xl, const std::string& file_name, const std::string& text,
                                 const std::vector<std::string>& overrides, bool tell);

// Ends when an event says so or the domain is gone.
enum class Ending { powered_off, rebooted, crashed, gone };
Ending wait_for_end(Xl& xl, const std::string& uuid, bool reboot_ends);

}  // namespace xcp::xl
