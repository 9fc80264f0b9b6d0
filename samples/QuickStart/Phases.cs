using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace QuickStart;

/// <summary>What one phase did, all threads together.</summary>
internal readonly record struct Phase(string Name, long Bytes, long Steps, TimeSpan Elapsed)
{
    public double BytesPerSecond => Bytes / Elapsed.TotalSeconds;
    public double StepsPerSecond => Steps / Elapsed.TotalSeconds;
}

/// <summary>Runs each phase of a job on threads of its own, while the calling thread shows how far they are.</summary>
internal sealed class Phases(int threads, ProgressBar bar)
{
    private static readonly TimeSpan s_betweenDrawings = TimeSpan.FromMilliseconds(100);

    /// <summary>Called by the calling thread every tenth of a second, and at the end of each phase.</summary>
    public Action? OnTick { get; set; }

    /// <summary>Calls <paramref name="body"/> on every thread and waits for all. The first exception on any of them
    /// stops the others and is thrown here.</summary>
    public Phase Run(string name, long totalBytes, Action<int, Progress> body)
    {
        Progress progress = new(threads);
        ExceptionDispatchInfo? failure = null;

        void Work(int worker)
        {
            try
            {
                body(worker, progress);
            }
            catch (Exception e)
            {
                // Stopped workers end with an exception too, but always after the one that made them stop.
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
                progress.Stop();
            }
        }

        bar.Begin(name, totalBytes);
        Stopwatch clock = Stopwatch.StartNew();
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(worker => new Thread(() => Work(worker)))];
        foreach (Thread worker in workers)
            worker.Start();
        foreach (Thread worker in workers)
        {
            while (!worker.Join(s_betweenDrawings))
            {
                bar.Draw(progress.Bytes, clock.Elapsed);
                OnTick?.Invoke();
            }
        }

        Phase phase = new(name, progress.Bytes, progress.Steps, clock.Elapsed);
        OnTick?.Invoke();
        bar.End(failure is null ? phase : null);
        failure?.Throw();
        return phase;
    }

    /// <summary>Counts what is done: one writer a slot, and slots far enough apart that the writers do not share a
    /// cache line.</summary>
    internal sealed class Progress(int threads)
    {
        private const int Apart = 16;
        private readonly long[] _bytes = new long[(threads + 1) * Apart];
        private readonly long[] _steps = new long[(threads + 1) * Apart];
        private volatile bool _stopped;

        public long Bytes => Sum(_bytes);
        public long Steps => Sum(_steps);

        public void Stop() => _stopped = true;

        /// <exception cref="OperationCanceledException">Another thread has failed.</exception>
        public void Advance(int worker, int bytes)
        {
            if (_stopped)
                throw new OperationCanceledException();

            int slot = (worker + 1) * Apart;
            Volatile.Write(ref _bytes[slot], _bytes[slot] + bytes);
            Volatile.Write(ref _steps[slot], _steps[slot] + 1);
        }

        private static long Sum(long[] slots)
        {
            long sum = 0;
            for (int slot = Apart; slot < slots.Length; slot += Apart)
                sum += Volatile.Read(ref slots[slot]);
            return sum;
        }
    }
}
