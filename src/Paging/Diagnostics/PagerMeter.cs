using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Paging.Threading;

namespace Paging.Diagnostics;

/// <summary>A pager's place in a meter: its series begin with <see cref="Attach"/> and end with <see cref="Close"/>.</summary>
/// <remarks>
/// Without a factory a pager has a meter of its own, which goes with it; then whoever collects is told that its series have ended. The
/// scope of that meter is the pager's options, and not the pager, since the runtime keeps meters, and so their scopes, alive.
/// A factory has one meter for all that ask it for the same name, and disposes it itself. Instruments are not given back to a meter that
/// lives on, so all pagers of a meter share one set of them (<see cref="PagingInstruments"/>), which asks the pagers that there are.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "Its meter is disposed by Close, and not by a scope.")]
internal sealed class PagerMeter
{
    internal const string Name = "Paging";
    internal const string NameTag = "paging.pager.name";

    /// <summary>Of own meters: tells them apart, even if their pagers have one name. What collects takes meters that differ in nothing for
    /// one, which ends with the first of them.</summary>
    internal const string NumberTag = "paging.pager.number";

    private static readonly Gate s_gate = new(isOfProcess: true);
    private static readonly ConditionalWeakTable<Meter, PagingInstruments> s_instruments = [];
    private static readonly string s_version = typeof(PagerMeter).Assembly.GetName().Version?.ToString(fieldCount: 3) ?? string.Empty;

    /// <summary>Pagers made so far in the process.</summary>
    private static long s_lastNumber;

    private readonly Meter? _own;
    private readonly PagingInstruments _instruments;
    private readonly KeyValuePair<string, object?> _nameTag;

    /// <param name="options">A pager's.</param>
    internal PagerMeter(PagerOptions options)
    {
        long number = Interlocked.Increment(ref s_lastNumber);
        string name = options.Name ?? string.Create(CultureInfo.InvariantCulture, $"pager-{number}");
        _nameTag = new KeyValuePair<string, object?>(NameTag, name);
        if (options.MeterFactory is { } factory)
        {
            Meter shared = factory.Create(new MeterOptions(Name) { Version = s_version })
                ?? throw new InvalidOperationException("The MeterFactory has made no meter: IMeterFactory.Create has returned null.");
            using (Gate.Scope held = s_gate.Enter())
            {
                _instruments = s_instruments.GetValue(shared, static meter => new PagingInstruments(meter));
            }
        }
        else
        {
            _own = new Meter(new MeterOptions(Name)
            {
                Version = s_version,
                Scope = options,
                Tags = [new KeyValuePair<string, object?>(NumberTag, number)],
            });
            _instruments = new PagingInstruments(_own);
        }

        try
        {
            // Outside the gate: listeners are told of each, and may do anything.
            _instruments.Complete();
        }
        catch
        {
            Close(pager: null);
            throw;
        }
    }

    /// <summary>The pager's name.</summary>
    internal string PagerName => (string)_nameTag.Value!;

    /// <summary>How long faults take, if anybody wants to know; null for a moment, while another pager of the meter makes the
    /// instruments.</summary>
    internal Histogram<double>? FaultDurations => _instruments.FaultDuration;

    /// <summary>Begins to show a pager's figures.</summary>
    internal void Attach(IWatched pager) => _instruments.Add(pager);

    /// <summary>Notes a fault that has ended. The caller holds nothing that a listener could need, since those are called here.</summary>
    /// <param name="began">When it began, by <see cref="Stopwatch"/>.</param>
    /// <param name="tier">Where its page was.</param>
    internal void NoteFault(long began, FaultTier tier)
    {
        try
        {
            _instruments.FaultDuration?.Record(
                Stopwatch.GetElapsedTime(began).TotalSeconds, _nameTag, PagingInstruments.TagOf(tier));
        }
        catch (Exception)
        {
            // A listener's. The access that it would end has succeeded, and its pin would be lost.
        }
    }

    /// <summary>Ends the pager's series. May be called again.</summary>
    /// <param name="pager">The pager; null if it was never attached.</param>
    internal void Close(IWatched? pager)
    {
        if (pager is not null)
        {
            _instruments.Remove(pager);
        }

        if (_own is not null)
        {
            End(_own);
        }
    }

    /// <summary>As <see cref="Close"/>, on another thread than the finalizers', which must not call listeners. What was attached is gone by
    /// itself.</summary>
    internal void CloseLater()
    {
        if (_own is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static meter => End(meter), _own, preferLocal: false);
        }
    }

    private static void End(Meter meter)
    {
        try
        {
            meter.Dispose();
        }
        catch (Exception)
        {
            // A listener's, which is told that the instruments are gone. The meter has let go of them before.
        }
    }
}
