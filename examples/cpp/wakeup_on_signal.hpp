// Ctrl-C, and how a service manager ends a program, made into a wakeup of a consumer.
#pragma once

#include <karrow/karrow.hpp>

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

/// Wakes a consumer up when the user (or the system) wants the program to end.
class WakeupOnSignal {
public:
    /// To be called before any thread starts: signals then come to nobody but `sigwait`.
    static sigset_t block_signals()
    {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);
        return signals;
    }

    WakeupOnSignal(const sigset_t &signals, const karrow::Consumer &consumer)
        : thread_([this, signals, &consumer] {
              int signal;
              sigwait(&signals, &signal);
              if (!over_)
                  consumer.wakeup();
          })
    {
    }

    ~WakeupOnSignal()
    {
        over_ = true;
        pthread_kill(thread_.native_handle(), SIGTERM);
        thread_.join();
    }

private:
    std::atomic<bool> over_{false};
    std::thread thread_; // the last, as it uses the other
};
