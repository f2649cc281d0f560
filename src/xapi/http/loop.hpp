// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: one I/O thread and the objects that live on it. Everything that touches a
// descriptor or timer of a loop runs on its thread; other threads get in through post() only.
#pragma once

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace xcp::http {

namespace asio = boost::asio;

// Something that lives on a loop and is kept alive by it until closed.
class Resident {
 public:
  virtual ~Resident() = default;
  // On the loop's thread: lets go of every descriptor and timer.
  virtual void close() = 0;
};

class Loop {
 public:
  Loop();
  ~Loop();  // joined before
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start();
  // Closes all residents and refuses work from then on. join() waits for the thread's end.
  void stop();
  void join();

  // Runs `work` on the thread; false (and `work` destroyed) once stopped. Any thread.
  template <class Work>
  bool post(Work work) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    asio::post(io_, std::move(work));
    return true;
  }

  // On the thread.
  void add(std::shared_ptr<Resident> resident);
  void remove(const Resident* resident);

  asio::io_context& io() { return io_; }
  // Room for one read; free for whoever runs on the thread, for as long as it runs.
  std::array<char, 64 * 1024>& scratch() { return scratch_; }

 private:
  void close_residents();

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unordered_map<const Resident*, std::shared_ptr<Resident>> residents_;
  std::array<char, 64 * 1024> scratch_;
  std::thread thread_;
  std::mutex mutex_;
  bool stopped_ = false;
};

}  // namespace xcp::http
