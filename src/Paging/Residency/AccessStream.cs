using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Paging.Residency;

/// <summary>A stream of an array's accesses, and how far it is read ahead.</summary>
internal struct AccessStream
{
    /// <summary>Where the reader was seen last.</summary>
    internal long Last;

    internal long Stride;

    /// <summary>Steps that the reader has made, from the stream's first page on.</summary>
    internal long Passed;

    /// <summary>What that was when the stream was found.</summary>
    internal long Begin;

    /// <summary>0 for no stream.</summary>
    internal int Distance;

    /// <summary>The distance that it began with.</summary>
    internal int First;

    internal int Ahead;

    /// <summary>The step up to which the reader brings in pages by itself.</summary>
    internal long Own;

    /// <summary>Tells it from others in its place.</summary>
    internal int Number;

    internal uint Used;
    internal bool HasTaken;

    internal readonly bool IsProven => Passed >= Begin + AccessStreams.Proven;

    /// <summary>For each step that is ahead: whether its page was brought in.</summary>
    internal StepMarks Marks;
}

/// <summary>Faults of which it is not known yet whether they are of a stream.</summary>
internal struct StreamCandidate
{
    internal long Last;
    internal long Stride;

    /// <summary>The faults before the candidate's first: one may have been of the same stream, with others in between.</summary>
    internal long Before0;
    internal long Before1;
    internal long Before2;

    /// <summary>Faults in equal steps; 0 for none.</summary>
    internal int Run;

    /// <summary>The fault that was the last of them.</summary>
    internal uint Seen;
}

/// <summary>A bit for each of <see cref="AccessStreams.MaxDistance"/> steps in a row.</summary>
[InlineArray(AccessStreams.MaxDistance / 64)]
internal struct StepMarks
{
    private ulong _first;

    internal bool this[long step]
    {
        get => (Word(step) >> (int)step & 1) != 0;
        set
        {
            ulong bit = 1UL << (int)step;
            ref ulong word = ref Word(step);
            word = value ? word | bit : word & ~bit;
        }
    }

    [UnscopedRef]
    private ref ulong Word(long step) => ref ((Span<ulong>)this)[(int)(step >> 6) & ((AccessStreams.MaxDistance / 64) - 1)];
}

/// <summary>A page that a stream is to bring in.</summary>
/// <param name="Page">The page.</param>
/// <param name="Stream">The stream's place.</param>
/// <param name="Number">The stream's number.</param>
/// <param name="Place">The page's place in the stream.</param>
internal readonly record struct StreamPage(long Page, int Stream, int Number, long Place);
