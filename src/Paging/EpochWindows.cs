namespace Paging;

/// <summary>The windows of one epoch of an order: rows that are gathered one after the other, from runs of rows that lie side by side.</summary>
internal readonly struct EpochWindows
{
    private readonly BlockOrder _blocks;
    private readonly bool _hasBlocks;
    private readonly long _rows;
    private readonly long _windowRows;

    /// <param name="order">In sequence or block-shuffled.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="windowRows">Rows of a window of an order in sequence. One with blocks has windows of its own.</param>
    internal EpochWindows(RowOrder order, long epoch, long windowRows)
    {
        _hasBlocks = order.HasBlocks;
        _blocks = _hasBlocks ? order.BlocksOf(epoch) : default;
        _rows = order.Rows;
        _windowRows = windowRows;
    }

    internal long Count => _hasBlocks ? _blocks.Windows : ((_rows - 1) / _windowRows) + 1;

    /// <summary>The window of the row at a position of the epoch.</summary>
    internal long At(long position) => _hasBlocks ? _blocks.WindowAt(position) : position / _windowRows;

    /// <summary>How many runs a window has.</summary>
    internal long RunsIn(long window) => _hasBlocks ? _blocks.BlocksIn(window) : 1;

    /// <summary>One of its runs: the first row, and how many.</summary>
    internal (long First, long Count) RunAt(long window, long run)
    {
        if (_hasBlocks)
        {
            return _blocks.BlockRowsAt(window, run);
        }

        long first = window * _windowRows;
        return (first, Math.Min(_windowRows, _rows - first));
    }
}
