// SPDX-License-Identifier: GPL-2.0-or-later
// Which SRs are plugged, and the memory of it: a file for each, written before sr_plug returns and
// read at the next start, when all are plugged again in the background. An SR whose removal had
// begun is removed to its end then. Slow storage keeps nobody waiting but its own callers: no lock
// is held while a driver works.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sm/driver.hpp"

namespace xcp::sm {

class PluggedSrs {
 public:
  // A plugged SR in use: it stays plugged while this lives.
  class Use {
   public:
    Use(PluggedSrs& srs, std::string sr, std::shared_ptr<Repository> repository);
    ~Use();
    Use(Use&& other) noexcept;
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    Repository* operator->() const { return repository_.get(); }
    Repository& operator*() const { return *repository_; }

   private:
    PluggedSrs* srs_;
    std::string sr_;
    std::shared_ptr<Repository> repository_;
  };
  // Finds the driver of a type; throws SR_UNKNOWN_DRIVER.
  using FindDriver = std::function<Driver&(const std::string& type)>;
  // Told about trouble that no caller hears of.
  using Report = std::function<void(const std::string&)>;

  // The uuids of what is remembered in a directory.
  static std::set<std::string> remembered(const std::string& directory);

  // Starts to plug what is remembered in `directory`.
  PluggedSrs(std::string directory, FindDriver find_driver, Report report);
  // Waits for what runs in the background.
  ~PluggedSrs();

  // Nothing happens when it is plugged in the same way already; SR_DEVICE_IN_USE when in another.
  void plug(const SrSpec& spec);
  // SR_DEVICE_IN_USE when `busy` says so (asked when no call runs and none can begin), or when
  // running calls do not end within a while.
  using Busy = std::function<bool()>;
  void unplug(const std::string& sr, const Busy& busy);
  void destroy(const std::string& sr, const Busy& busy);
  // Throws SR_NOT_ATTACHED; an SR that is just being plugged is waited for, up to a bound.
  Use use(const std::string& sr);
  // The plugged ones; those that are being plugged since the start are waited for, up to a bound.
  std::vector<std::string> all();

 private:
  enum class State { plugging, plugged, unplugging };
  struct Entry {
    State state = State::plugging;
    SrSpec spec;
    std::shared_ptr<Repository> repository;
    int users = 0;
  };

  std::string path_of(const std::string& sr) const;
  void remember(const SrSpec& spec, bool destroying) const;
  void forget(const std::string& sr) const;
  void resume(const std::string& sr);
  void plug_claimed(const SrSpec& spec);
  // Takes the entry out of use; its repository is gone afterwards. Throws SR_NOT_ATTACHED and, when
  // calls keep it busy, SR_DEVICE_IN_USE.
  SrSpec claim_for_removal(const std::string& sr, const Busy& busy);
  // An SR that could not be plugged again at the start: true when it is remembered no more.
  bool forget_failed(const std::string& sr);
  void put_back(const SrSpec& spec);
  void drop(const std::string& sr);

  const std::string directory_;
  const FindDriver find_driver_;
  const Report report_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry> entries_;
  std::vector<std::thread> background_;
};

}  // namespace xcp::sm
