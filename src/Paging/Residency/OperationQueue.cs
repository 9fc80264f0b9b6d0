using System.Runtime.InteropServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A part of an operation: pages that one thread deals with.</summary>
internal readonly record struct OperationPart(PageOperation Operation, long First, long End);

/// <summary>The operations that wait for a thread of the background. Those that are urgent come first, and otherwise those that came
/// first.</summary>
/// <remarks>All of it is guarded by the gate, which is held for a few steps at a time; operations are completed without it. While any is
/// queued the pager is kept alive: who awaits it may hold nothing else.</remarks>
internal sealed partial class OperationQueue(PagingDomain domain)
{
    /// <summary>Bytes of pages that are handed out as a part.</summary>
    private const int PartBytes = 64 << 10;

    /// <summary>Pages of an operation of which a thread takes no second part ahead: the others are to have some, too. So many bytes of
    /// them, and no more pages than parts of the smallest ones have.</summary>
    private const int BytesForOthers = 2 << 20;
    private const int MaxPagesForOthers = 128;

    private readonly Gate _gate = new();
    private PageOperation? _first;
    private PageOperation? _last;
    private GCHandle _root;
    private bool _isClosed;

    /// <summary>Whether any is queued: a hint without the gate.</summary>
    internal bool IsAny => Shared.Read(SharedWord.Operation, ref _first) is not null;

    /// <summary>Queues an operation, unless it has been cancelled already. When the pager is closed, it is complete.</summary>
    internal void Add(PageOperation operation)
    {
        bool isDone = false;
        using (_gate.Enter())
        {
            if (operation.IsComplete)
            {
                return;
            }

            if (_isClosed)
            {
                isDone = TryEndUnsynchronized(operation);
            }
            else
            {
                LinkUnsynchronized(operation);
            }
        }

        if (isDone)
        {
            operation.Complete();
        }
    }

    /// <summary>Takes a part of an operation. The caller owes a <see cref="GiveBack"/>.</summary>
    internal bool TryTake(out OperationPart part)
    {
        part = default;
        if (!IsAny)
        {
            return false;
        }

        using Gate.Scope held = _gate.Enter();
        PageOperation? operation = _first;

        // Others may have taken all the frames that it may fill, and give some back.
        while (operation is not null && operation.Left == 0)
        {
            operation = operation.Behind;
        }

        if (operation is null)
        {
            return false;
        }

        part = TakeUnsynchronized(operation);
        return true;
    }

    /// <summary>As <see cref="TryTake"/>, of one operation, by a thread that waits for it.</summary>
    internal bool TryTakeOf(PageOperation operation, out OperationPart part)
    {
        using Gate.Scope held = _gate.Enter();
        bool isAny = operation.IsQueued && operation.Left != 0;
        part = isAny ? TakeUnsynchronized(operation) : default;
        return isAny;
    }

    /// <summary>As <see cref="TryTake"/>, by a thread that has a part of that operation: only as long as no other one comes first.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="isNext">Whether the thread has no other part to go on with. Otherwise it takes one only where enough is left for other
    /// threads.</param>
    /// <param name="part">The part.</param>
    internal bool TryTakeMore(PageOperation operation, bool isNext, out OperationPart part)
    {
        using Gate.Scope held = _gate.Enter();
        long least = isNext ? 1 : Math.Clamp(BytesForOthers >> operation.Region.Frames.PageShift, 1, MaxPagesForOthers);
        bool isTaken = operation.IsQueued
            && operation.Left >= least
            && operation.End - operation.Next >= least
            && (_first == operation || !_first!.IsUrgent);
        part = isTaken ? TakeUnsynchronized(operation) : default;
        return isTaken;
    }

    /// <summary>Ends the work on a part.</summary>
    /// <param name="part">What <see cref="TryTake"/> gave.</param>
    /// <param name="used">Frames that its pages are in.</param>
    /// <param name="skipTo">The next page that may need a frame, as far as the caller knows.</param>
    /// <param name="isOver">Whether the operation is to end.</param>
    internal void GiveBack(in OperationPart part, long used, long skipTo, bool isOver)
    {
        PageOperation operation = part.Operation;
        bool isDone;
        using (_gate.Enter())
        {
            operation.Active--;
            operation.Left += part.End - part.First - used;
            operation.Next = Math.Min(operation.End, Math.Max(operation.Next, skipTo));
            if (isOver)
            {
                operation.SetOver();
            }

            if (isOver || operation.Next == operation.End || (operation.Left == 0 && operation.Active == 0))
            {
                UnlinkUnsynchronized(operation);
            }

            isDone = TryCompleteUnsynchronized(operation);
        }

        if (isDone)
        {
            operation.Complete();
        }
    }

    /// <summary>Ends an operation that is not wanted any more: threads leave it after the page that they are at, and the last of them
    /// completes it. Does nothing to one that is complete.</summary>
    internal void Cancel(PageOperation operation)
    {
        bool isDone;
        using (_gate.Enter())
        {
            if (operation.IsComplete)
            {
                return;
            }

            operation.IsCancelled = true;
            isDone = TryEndUnsynchronized(operation);
        }

        if (isDone)
        {
            operation.Complete();
        }
    }

    /// <summary>Ends all operations, and each that is added later. May be called twice.</summary>
    internal void Close()
    {
        while (true)
        {
            PageOperation? operation;
            bool isDone = false;
            using (_gate.Enter())
            {
                _isClosed = true;
                operation = _first;
                if (operation is not null)
                {
                    isDone = TryEndUnsynchronized(operation);
                }
            }

            if (operation is null)
            {
                return;
            }

            if (isDone)
            {
                operation.Complete();
            }
        }
    }

    private OperationPart TakeUnsynchronized(PageOperation operation)
    {
        long pages = operation.LimitPart(Math.Max(1, PartBytes >> operation.Region.Frames.PageShift));
        pages = Math.Min(Math.Min(pages, operation.Left), operation.End - operation.Next);
        var part = new OperationPart(operation, operation.Next, operation.Next + pages);
        operation.Next += pages;
        operation.Left -= pages;
        operation.Active++;
        if (operation.Next == operation.End)
        {
            UnlinkUnsynchronized(operation);
        }

        return part;
    }

    /// <summary>Takes an operation off the list, and tells the threads that work on it to stop.</summary>
    /// <returns>Whether the caller has to complete it, and not a thread that still works on it.</returns>
    private bool TryEndUnsynchronized(PageOperation operation)
    {
        operation.SetOver();
        UnlinkUnsynchronized(operation);
        return TryCompleteUnsynchronized(operation);
    }

    private static bool TryCompleteUnsynchronized(PageOperation operation)
    {
        if (operation.IsQueued || operation.IsComplete || IsWorkedOn(operation))
        {
            return false;
        }

        operation.IsComplete = true;
        return true;
    }

    private void LinkUnsynchronized(PageOperation operation)
    {
        if (_first is null)
        {
            TestHook.MayFail(FailurePoint.Allocation);
            _root = GCHandle.Alloc(domain);
        }

        // Behind the last one that is as urgent.
        PageOperation? before = _last;
        while (operation.IsUrgent && before is { IsUrgent: false })
        {
            before = before.Before;
        }

        operation.IsQueued = true;
        operation.Before = before;
        operation.Behind = before is null ? _first : before.Behind;
        if (operation.Behind is null)
        {
            _last = operation;
        }
        else
        {
            operation.Behind.Before = operation;
        }

        if (before is null)
        {
            Shared.Write(SharedWord.Operation, ref _first, operation);
        }
        else
        {
            before.Behind = operation;
        }
    }

    private void UnlinkUnsynchronized(PageOperation operation)
    {
        if (!operation.IsQueued)
        {
            return;
        }

        operation.IsQueued = false;
        if (operation.Behind is null)
        {
            _last = operation.Before;
        }
        else
        {
            operation.Behind.Before = operation.Before;
        }

        if (operation.Before is null)
        {
            Shared.Write(SharedWord.Operation, ref _first, operation.Behind);
        }
        else
        {
            operation.Before.Behind = operation.Behind;
        }

        operation.Before = null;
        operation.Behind = null;
        if (_first is null)
        {
            _root.Free();
        }
    }
}
