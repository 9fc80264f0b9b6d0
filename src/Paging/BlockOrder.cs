namespace Paging;

/// <summary>One epoch of a block-shuffled order: window after window of the blocks in their shuffled order.</summary>
/// <remarks>
/// The last block may be short, and so the window is that it is in: there it stands behind the other blocks, so that the rows of a window
/// are those of whole blocks, and then what is left. Immutable. What it computes is a format: see <see cref="RowOrder"/>.
/// </remarks>
internal readonly struct BlockOrder
{
    // Which permutation of an epoch: the numbers are a part of the format.
    private const ulong OfBlocks = 1;
    private const ulong OfWindows = 2;

    /// <summary>Blocks of a window whose places are computed once, and not once a row.</summary>
    private const int MaxListed = 128;

    private readonly RowPermutation _order;
    private readonly long _rows;
    private readonly long _blockRows;
    private readonly long _windowBlocks;
    private readonly long _blocks;
    private readonly ulong _windows;
    private readonly ulong _windowRows;

    /// <summary>Rows that the last block lacks. Unsigned, since rows that are not there may be counted beyond the largest number.</summary>
    private readonly ulong _lacking;

    /// <summary>The window that the last block is in, and the place that it would have there.</summary>
    private readonly long _shortWindow;
    private readonly long _shortPlace;

    /// <param name="rows">Rows of an epoch.</param>
    /// <param name="blockRows">Rows of a block.</param>
    /// <param name="windowBlocks">Blocks of a window.</param>
    /// <param name="state">Of the epoch: see <see cref="RowPermutation.Absorb"/>.</param>
    internal BlockOrder(long rows, long blockRows, long windowBlocks, ulong state)
    {
        _rows = rows;
        _blockRows = blockRows;
        _windowBlocks = windowBlocks;
        _blocks = ((rows - 1) / blockRows) + 1;
        _order = new RowPermutation(_blocks, RowPermutation.Absorb(state, OfBlocks));
        _windows = RowPermutation.Absorb(state, OfWindows);
        _windowRows = (ulong)blockRows * (ulong)windowBlocks;
        _lacking = ((ulong)blockRows - ((ulong)rows % (ulong)blockRows)) % (ulong)blockRows;
        (_shortWindow, _shortPlace) = Math.DivRem(_order.PositionOf(_blocks - 1), windowBlocks);
    }

    /// <summary>How many windows an epoch has.</summary>
    internal long Windows => ((_blocks - 1) / _windowBlocks) + 1;

    /// <summary>The window of the row at a position of the epoch.</summary>
    internal long WindowAt(long position)
    {
        ulong at = (ulong)position;
        long window = (long)(at / _windowRows);
        return window > _shortWindow || (window == _shortWindow && at - ((ulong)window * _windowRows) >= RowsIn(window))
            ? (long)((at + _lacking) / _windowRows)
            : window;
    }

    /// <summary>How many blocks a window has.</summary>
    internal long BlocksIn(long window) => Math.Min(_windowBlocks, _blocks - (window * _windowBlocks));

    /// <summary>The rows of the block at a place of a window: the first one, and how many.</summary>
    internal (long First, long Count) BlockRowsAt(long window, long place)
    {
        long first = BlockAt(window, place) * _blockRows;
        return (first, Math.Min(_blockRows, _rows - first));
    }

    /// <summary>The rows from a position on. There are as many.</summary>
    internal void CopyTo(long position, Span<long> rows)
    {
        Span<long> list = stackalloc long[MaxListed];
        while (!rows.IsEmpty)
        {
            long window = WindowAt(position);
            ulong begin = ((ulong)window * _windowRows) - (window > _shortWindow ? _lacking : 0);
            ulong size = RowsIn(window);
            ulong within = (ulong)position - begin;
            int part = (int)Math.Min(size - within, (ulong)rows.Length);
            long blocks = BlocksIn(window);
            var shuffle = new RowPermutation((long)size, RowPermutation.Absorb(_windows, (ulong)window));
            int listed = blocks <= MaxListed && blocks <= part ? (int)blocks : 0;
            for (int place = 0; place < listed; place++)
            {
                list[place] = BlockAt(window, place);
            }

            for (int i = 0; i < part; i++)
            {
                (long place, long row) = Math.DivRem(shuffle.At((long)within + i), _blockRows);
                long block = listed != 0 ? list[(int)place] : BlockAt(window, place);
                rows[i] = (block * _blockRows) + row;
            }

            rows = rows[part..];
            position += part;
        }
    }

    private long BlockAt(long window, long place)
    {
        long last = BlocksIn(window) - 1;
        long swapped = window != _shortWindow ? place
            : place == last ? _shortPlace
            : place == _shortPlace ? last
            : place;
        return _order.At((window * _windowBlocks) + swapped);
    }

    private ulong RowsIn(long window)
    {
        ulong whole = (ulong)BlocksIn(window) * (ulong)_blockRows;
        return window == _shortWindow ? whole - _lacking : whole;
    }
}
