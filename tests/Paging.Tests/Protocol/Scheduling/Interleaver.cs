#if DEBUG
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Tests.Protocol;

/// <summary>Runs threads of which exactly one moves at a time, and decides from a seed, at every shared word, which one.</summary>
/// <remarks>The threads are real ones, since thread-local state and locks are; they hand the turn over. The caller of <see cref="Begin"/> is
/// the director, lane 0: it sets the scene alone, starts the others with <see cref="Together"/>, and looks at what is left when all have ended.
/// Nothing here depends on time: a seed gives the same run.</remarks>
internal sealed class Interleaver : IInterleaver, IDisposable
{
    internal const int MostThreads = 6;
    private const int MostSteps = 1_000_000;
    private const int MostStepsTogether = 100_000;
    private const int MostLonelyYields = 5_000;

    private readonly Lane[] _lanes = new Lane[MostThreads + 1];
    private readonly bool[] _canRun = new bool[MostThreads + 1];
    private SwitchPolicy? _policy;
    private Dice _dice = new(0);
    private int _current;
    private int _running;
    private int _steps;
    private int _limit;
    private int _lonelyYields;
    private int _sleeps;
    private Exception? _failure;
    private List<object> _kept = [];

    internal Interleaver()
    {
        AssertionListener.Install();
        for (int i = 0; i < _lanes.Length; i++)
        {
            _lanes[i] = new Lane(this, i);
        }
    }

    internal SwitchTrace Trace { get; } = new();

    internal int Steps => _steps;

    /// <summary>How often time has passed because nobody could move.</summary>
    internal int Overslept { get; private set; }

    int IInterleaver.Thread => _current;

    /// <summary>Called at each shared word before the decision, on the thread that reached it: for what must hold there.</summary>
    internal Action<SharedWord>? Probe { get; set; }

    /// <summary>Does what other threads would, as it were, at steps of the calling one: each action once, in this order, before the next
    /// access to a word of its kind. All of them must have been reached when the body ends.</summary>
    internal void Between(Action body, params ReadOnlySpan<(SharedWord At, Action Action)> actions)
    {
        var steps = new Queue<(SharedWord At, Action Action)>(actions.ToArray());
        Probe = AtTheNextStep;
        body();
        Probe = null;
        Assert.Empty(steps);

        void AtTheNextStep(SharedWord word)
        {
            if (steps.TryPeek(out (SharedWord At, Action Action) step) && step.At == word)
            {
                steps.Dequeue();
                Probe = null;
                step.Action();
                Probe = AtTheNextStep;
            }
        }
    }

    /// <summary>Makes the calling thread the director of a run.</summary>
    internal void Begin(ulong seed)
    {
        _dice = new Dice(seed);
        _steps = 0;
        _limit = MostSteps;
        _failure = null;
        Overslept = 0;
        _kept = [];
        _current = 0;
        Probe = null;
        Trace.Clear();
        TestHook.Interleaver = this;
    }

    internal static void End() => TestHook.Interleaver = null;

    /// <summary>Runs the actions against each other to their ends. Throws what the first of them to fail threw.</summary>
    internal void Together(params ReadOnlySpan<Action> actions)
    {
        Debug.Assert(_current == 0 && _running == 0 && actions.Length <= MostThreads);
        _policy = SwitchPolicy.For(_dice, actions.Length + 1);
        _running = actions.Length;
        _lonelyYields = 0;
        _limit = _steps + MostStepsTogether;
        for (int i = 0; i < actions.Length; i++)
        {
            _lanes[i + 1].Prepare(actions[i]);
            _canRun[i + 1] = true;
        }

        SwitchTo(Choose(), "start");
        Debug.Assert(_running == 0);
        _limit = _steps + MostSteps;
        if (_failure is { } failure)
        {
            throw new RunFailedException(failure);
        }
    }

    public void Keep(object thing) => _kept.Add(thing);

    public void Reach(SharedWord word)
    {
        Probe?.Invoke(word);
        Step(SwitchTrace.Name(word), (int)word, yields: false);
    }

    /// <summary>A place of the test's own where the turn may go to another thread.</summary>
    internal void Step() => Step("test", word: -1, yields: false);

    public void Yield()
    {
        if (Others() == 0 && ++_lonelyYields > MostLonelyYields && !LetTimePass())
        {
            Fail(new InvalidOperationException($"{Who(_current)} waits for ever: nobody else can run."));
        }

        Step("yield", word: -1, yields: true);
    }

    public void Block(object on)
    {
        ThrowIfFailed();
        if (_current == 0 || (Others() == 0 && !LetTimePass()))
        {
            Fail(new InvalidOperationException($"Deadlock: {Who(_current)} parks, and every other thread is parked or has ended."));
            ThrowIfFailed();
        }

        int self = _current;
        _lanes[self].ParkedOn = on;
        _canRun[self] = false;
        SwitchTo(Choose(), "park");
        ThrowIfFailed();
    }

    public void Wake(object on)
    {
        for (int i = 1; i < _lanes.Length; i++)
        {
            if (ReferenceEquals(_lanes[i].ParkedOn, on))
            {
                _lanes[i].ParkedOn = null;
                _lanes[i].SleepsSince = 0;
                _canRun[i] = true;
            }
        }
    }

    public bool Sleep(object on)
    {
        ThrowIfFailed();
        if (_current == 0)
        {
            return false;
        }

        int self = _current;
        _lanes[self].ParkedOn = on;
        _lanes[self].SleepsSince = ++_sleeps;
        _canRun[self] = false;
        if (Others() == 0)
        {
            LetTimePass();
        }

        if (_canRun[self])
        {
            return !_lanes[self].TimeIsUp();
        }

        SwitchTo(Choose(), "sleep");
        ThrowIfFailed();
        return !_lanes[self].TimeIsUp();
    }

    public void Dispose()
    {
        foreach (Lane lane in _lanes)
        {
            lane.Stop();
        }
    }

    private void Step(string at, int word, bool yields)
    {
        ThrowIfFailed();
        if (++_steps > _limit)
        {
            Fail(new InvalidOperationException($"No end after {_steps:N0} steps: the threads keep each other from getting anywhere."));
        }

        if (_running > 1 && _current != 0)
        {
            SwitchTo(_policy!.Next(_current, _canRun, word, yields), at);
        }

        ThrowIfFailed();
    }

    /// <summary>Who goes on when the current lane cannot.</summary>
    private int Choose() => _policy!.Next(current: -1, _canRun, word: -1, yields: false);

    private void SwitchTo(int next, string at)
    {
        int self = _current;
        if (next == self)
        {
            return;
        }

        Trace.Add(_steps, self, at, next);
        _lonelyYields = 0;
        _current = next;
        _lanes[next].GiveTurn();
        _lanes[self].AwaitTurn();
    }

    /// <summary>Ends the calling lane and hands over: to another that can run, after a failure to any that is left, at last to the
    /// director.</summary>
    private void Leave(Exception? exception)
    {
        int self = _current;
        if (exception is not null and not RunAbortedException)
        {
            _failure ??= exception;
        }

        _canRun[self] = false;
        _running--;
        int next = 0;
        if (_running > 0)
        {
            if (_failure is null && Others() == 0 && !LetTimePass())
            {
                _failure = new InvalidOperationException($"Deadlock: {Who(self)} has ended, and every other thread is parked.");
            }

            next = _failure is null ? Choose() : Array.FindIndex(_lanes, 1, static lane => lane.IsBusy);
        }

        Trace.Add(_steps, self, "end", next);
        _current = next;
        _lanes[next].GiveTurn();
    }

    /// <summary>Ends the sleep that began first. False when nobody sleeps.</summary>
    private bool LetTimePass()
    {
        Lane? first = null;
        foreach (Lane lane in _lanes)
        {
            first = lane.SleepsSince != 0 && (first is null || lane.SleepsSince < first.SleepsSince) ? lane : first;
        }

        if (first is null)
        {
            return false;
        }

        first.SleepsSince = 0;
        first.ParkedOn = null;
        first.HasOverslept = true;
        Overslept++;
        _canRun[Array.IndexOf(_lanes, first)] = true;
        return true;
    }

    private int Others()
    {
        int others = 0;
        for (int i = 1; i < _canRun.Length; i++)
        {
            others += _canRun[i] && i != _current ? 1 : 0;
        }

        return others;
    }

    /// <summary>The first failure ends the run: every thread unwinds from where it stands.</summary>
    private void Fail(Exception failure)
    {
        _failure ??= failure;
        if (_current == 0)
        {
            throw failure;
        }
    }

    private void ThrowIfFailed()
    {
        if (_failure is not null && _current != 0)
        {
            throw new RunAbortedException();
        }
    }

    private static string Who(int lane) => lane == 0 ? "the director" : $"thread {lane}";

    /// <summary>A thread that waits for its turn, run after run.</summary>
    private sealed class Lane(Interleaver owner, int number)
    {
        private readonly object _lock = new();
        private bool _hasTurn;
        private bool _stopped;
        private Action? _action;
        private Thread? _thread;

        internal object? ParkedOn { get; set; }

        internal bool IsBusy => _action is not null;

        /// <summary>Orders those that sleep; 0 for one that does not.</summary>
        internal int SleepsSince { get; set; }

        internal bool HasOverslept { get; set; }

        /// <summary>Whether the sleep that has ended was not cut short.</summary>
        internal bool TimeIsUp()
        {
            bool up = HasOverslept;
            HasOverslept = false;
            return up;
        }

        internal void Prepare(Action action)
        {
            _action = action;
            ParkedOn = null;
            SleepsSince = 0;
            HasOverslept = false;
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = $"Interleaved {number}" };
                _thread.Start();
            }
        }

        internal void GiveTurn()
        {
            lock (_lock)
            {
                _hasTurn = true;
                Monitor.Pulse(_lock);
            }
        }

        internal bool AwaitTurn()
        {
            lock (_lock)
            {
                while (!_hasTurn && !_stopped)
                {
                    Monitor.Wait(_lock);
                }

                _hasTurn = false;
                return !_stopped;
            }
        }

        internal void Stop()
        {
            lock (_lock)
            {
                _stopped = true;
                Monitor.Pulse(_lock);
            }

            _thread?.Join();
        }

        private void Run()
        {
            TestHook.Interleaver = owner;
            while (AwaitTurn())
            {
                owner.Leave(Perform());
            }
        }

        /// <summary>In a frame of its own, so that nothing of the run stays on the stack.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private Exception? Perform()
        {
            try
            {
                if (owner._failure is null)
                {
                    _action!();
                }

                return null;
            }
            catch (Exception exception)
            {
                return exception;
            }
            finally
            {
                _action = null;
                ParkedOn = null;
                SleepsSince = 0;
            }
        }
    }
}

/// <summary>Unwinds a thread of a run that has failed elsewhere.</summary>
internal sealed class RunAbortedException : Exception;

/// <summary>What a thread of a run threw.</summary>
internal sealed class RunFailedException(Exception inner) : Exception(inner.Message, inner);
#endif
