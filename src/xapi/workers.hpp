// SPDX-License-Identifier: GPL-2.0-or-later
// A bounded pool of threads for calls that block. Each client has its own queue, and clients take
// turns, so that one who asks a thousand things delays nobody else. Calls of the class Lifecycle go
// before those of the class Query, which still get every fourth turn.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace xcp {

enum class Priority {
  Lifecycle,  // changes something; somebody waits for it
  Query,      // reads or polls
};

struct WorkerSettings {
  unsigned threads = 8;
  std::size_t queue_per_client = 256;  // waiting calls of one client, both classes together
  std::size_t queue_total = 16384;     // waiting calls of all clients
};

// All functions but the destructor may be called from any thread.
class Workers {
 public:
  using Work = std::function<void()>;

  explicit Workers(WorkerSettings settings);
  ~Workers();  // stops
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Queues `work`; false, and nothing queued, when the client's or the common queue is full or the
  // pool has stopped (the caller answers 503 or a Failure). `client` is whatever identifies who
  // asks: a session, a connection. Works of one client start in the order of submission within
  // their class, but may run at the same time. An exception that leaves `work` ends the program.
  [[nodiscard]] bool submit(const std::string& client, Priority priority, Work work);

  // Drops what waits (its captures are destroyed before stop() returns), lets what runs finish, and
  // joins the threads. Must not be called from a work.
  void stop();

  struct Load {
    std::size_t waiting = 0;
    std::size_t running = 0;
    std::size_t clients = 0;  // with something waiting
  };
  Load load() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace xcp
